#include "lido/sql/sqlite/pool_settings.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace lido::sqlite {
namespace {

constexpr duration longest_wait = std::chrono::hours(1);

error wrong(std::string what, std::string remedy = {}) {
    return {errc::invalid_argument, fmt::format("sqlite settings: {}", what), std::move(remedy)};
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

result<void> apply(std::string_view name, std::string_view value, pool_settings& into) {
    if (name == "mode") {
        if (value == "ro")
            into.mode = open_mode::read_only;
        else if (value == "rw")
            into.mode = open_mode::read_write;
        else if (value == "rwc")
            into.mode = open_mode::create;
        else
            return wrong(fmt::format("mode={} is not known", value), "ro, rw or rwc");
        return {};
    }
    if (name == "journal") {
        if (value == "wal")
            into.journal = journal::write_ahead;
        else if (value == "keep")
            into.journal = journal::as_it_is;
        else
            return wrong(fmt::format("journal={} is not known", value), "wal or keep");
        return {};
    }
    if (name == "synchronous") {
        if (value == "normal")
            into.commits = durability::normal;
        else if (value == "full")
            into.commits = durability::full;
        else
            return wrong(fmt::format("synchronous={} is not known", value), "normal or full");
        return {};
    }
    const auto amount = number(value);
    if (name == "busy_timeout") {
        if (!amount) return wrong("busy_timeout is not a whole number of milliseconds", "0 … 3,600,000");
        into.busy_timeout = std::chrono::milliseconds(*amount);
        return {};
    }
    if (name == "threads") {
        if (!amount) return wrong("threads is no number", "1 … 64");
        into.reader_threads = *amount;
        return {};
    }
    return wrong(fmt::format("the option {} is not known", name),
                 "mode, journal, synchronous, busy_timeout and threads are");
}

}  // namespace

result<void> pool_settings::validate() const {
    if (file.empty()) return wrong("file is empty", "name a file, or :memory:");
    if (file.size() > 4096) return wrong(fmt::format("file has {} bytes, more than 4096", file.size()));
    if (file.find('\0') != std::string::npos) return wrong("file has a zero byte");
    if (file == ":memory:" && mode == open_mode::read_only) {
        return wrong("a database in memory that is read-only stays empty", "leave mode=ro out");
    }
    if (busy_timeout < duration::zero() || busy_timeout > longest_wait)
        return wrong("busy_timeout is out of range 0 … 1 h");
    if (reader_threads < 1 || reader_threads > 64) {
        return wrong(fmt::format("reader_threads (of a URL: threads) = {} is out of range 1 … 64", reader_threads));
    }
    if (longest_on_loop < duration::zero() || longest_on_loop > std::chrono::milliseconds(1)) {
        return wrong("longest_on_loop is out of range 0 … 1 ms", "0 keeps all statements on worker threads");
    }
    if (page_cache_bytes < (std::size_t{1} << 20) || page_cache_bytes > (std::size_t{16} << 30)) {
        return wrong(fmt::format("page_cache_bytes = {} is out of range 1 MiB … 16 GiB", page_cache_bytes));
    }
    return common.validate();
}

result<pool_settings> pool_settings::from(const sql::database_url& url, const sql::pool_settings& common) {
    pool_settings made;
    if (url.kind != sql::database_kind::sqlite) return wrong("the URL is not one of SQLite", "sqlite:file.db");
    made.file = url.database;
    made.common = common;
    for (const auto& [name, value] : url.options) {
        if (auto applied = apply(name, value, made); !applied) return std::move(applied).error();
    }
    if (auto valid = made.validate(); !valid) return std::move(valid).error();
    return made;
}

}  // namespace lido::sqlite
