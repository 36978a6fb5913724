#include "sql/sqlite/database.hpp"

#include "sql/hexadecimal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>
#include <utility>

#include <sys/vfs.h>

namespace lido::sqlite {
namespace {

constexpr std::size_t least_page_cache = std::size_t{64} * 1024;
constexpr std::size_t most_page_cache = std::size_t{2} * 1024 * 1024;

/// A database in memory that the connections of one pool share, and no other's (SQLite's vfs "memdb").
std::string fresh_memory_uri() {
    static std::atomic<std::uint64_t> made{0};
    return fmt::format("file:/lido-{}?vfs=memdb", made.fetch_add(1));
}

/// Behind these a page may be on another machine, or with a process that does not answer: from statfs(2).
constexpr std::array<std::uint32_t, 9> systems_that_hang{
    0x6969,      // NFS
    0x517b,      // SMB
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB 2
    0x65735546,  // FUSE
    0x01021997,  // 9P
    0x00c36400,  // Ceph
    0x5346414f,  // AFS
    0x73757245,  // Coda
};

/// What cannot be asked may hang as well.
bool may_hang(const std::string& file) {
    struct statfs found {};
    if (::statfs(file.c_str(), &found) != 0) return true;
    const auto kind = static_cast<std::uint32_t>(found.f_type);
    return std::find(systems_that_hang.begin(), systems_that_hang.end(), kind) != systems_that_hang.end();
}

}  // namespace

std::string uri_of(const std::string& file) {
    std::string uri = "file:";
    // "file://x" would name a host.
    if (file.starts_with("//")) uri += "//";
    for (const char each : file) {
        if (std::string_view("%?#").find(each) == std::string_view::npos) {
            uri += each;
        } else {
            uri += '%';
            sql::append_hexadecimal(uri, static_cast<std::uint8_t>(each));
        }
    }
    return uri;
}

database::database(pool_settings settings)
    : settings_(std::move(settings)),
      in_memory_(settings_.file == ":memory:"),
      uri_(in_memory_ ? fresh_memory_uri() : uri_of(settings_.file)) {}

database::~database() {
    locks_->close(std::move(keeper_));
}

engine_settings database::settings_of(role as) const {
    engine_settings made;
    made.uri = uri_;
    made.shown = settings_.file;
    made.role = as;
    made.create = settings_.mode == open_mode::create && as == role::writer;
    made.in_memory = in_memory_;
    made.keeps_journal = settings_.journal == journal::as_it_is;
    made.full_durability = settings_.commits == durability::full;
    made.busy_timeout = settings_.busy_timeout;
    made.statement_cache = settings_.common.statement_cache;
    if (as == role::reader) {
        const std::size_t readers = std::max<std::size_t>(settings_.common.connections.max_size, 1);
        made.page_cache_bytes = std::clamp(settings_.page_cache_bytes / readers, least_page_cache, most_page_cache);
        if (!may_hang_) made.brief = settings_.longest_on_loop;
    }
    made.max_result_bytes = settings_.common.max_result_bytes;
    made.max_value_bytes =
        std::max({settings_.common.max_result_bytes, settings_.common.max_statement_bytes, std::size_t{1} << 20});
    made.stream_rows = settings_.common.stream_rows;
    made.stream_bytes = settings_.common.stream_bytes;
    made.pause = pause_;
    made.locks = locks_;
    return made;
}

result<void> database::keep_open() {
    const std::lock_guard held(mutex_);
    if (keeper_ != nullptr) return {};
    auto fresh =
        std::make_shared<engine>(settings_of(settings_.mode == open_mode::read_only ? role::reader : role::writer));
    if (auto opened = fresh->open(); !opened) return opened;
    keeper_ = std::move(fresh);
    may_hang_ = !in_memory_ && may_hang(settings_.file);
    return {};
}

result<std::shared_ptr<engine>> database::open(role as) {
    if (auto kept = keep_open(); !kept) return std::move(kept).error();
    auto fresh = std::make_shared<engine>(settings_of(as));
    if (auto opened = fresh->open(); !opened) return std::move(opened).error();
    // As many as there can be loops that read at once, and no more than there are readers.
    if (fresh->runs_briefly()) locks_->open_one(uri_, std::max(1U, std::thread::hardware_concurrency()));
    return fresh;
}

}  // namespace lido::sqlite
