#include "sql/sqlite/process_mark.hpp"

#include <atomic>

#include <sys/mman.h>
#include <unistd.h>

namespace lido::sqlite {
namespace {

using mark = std::atomic<std::uint64_t>;

/// Null where the kernel does not wipe pages.
mark* wiped_page() noexcept {
    const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return nullptr;
    if (::madvise(page, size, MADV_WIPEONFORK) == 0) return static_cast<mark*>(page);
    ::munmap(page, size);
    return nullptr;
}

}  // namespace

std::uint64_t process_mark() noexcept {
    static mark* const page = wiped_page();
    static mark last{0};  // not wiped, so that a child never takes a number of its ancestors
    if (page == nullptr) return static_cast<std::uint64_t>(::getpid());
    std::uint64_t known = page->load(std::memory_order_acquire);
    if (known != 0) return known;
    const std::uint64_t made = last.fetch_add(1) + 1;
    return page->compare_exchange_strong(known, made) ? made : known;
}

}  // namespace lido::sqlite
