#include "lido/base/task.hpp"

#include "lido/base/scheduler.hpp"

#include <array>
#include <new>
#include <utility>

namespace lido {

thread_local constinit scheduler* scheduler::current_ = nullptr;

namespace detail {
namespace {

constexpr std::size_t class_size = 256;
constexpr std::size_t class_count = 16;
constexpr std::size_t kept_per_class = 64;

// AddressSanitizer sees a use after the end only when memory goes back to the heap.
#if defined(__SANITIZE_ADDRESS__)
#define LIDO_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIDO_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef LIDO_ADDRESS_SANITIZER
constexpr bool recycles = false;
#else
constexpr bool recycles = true;
#endif

struct free_frame {
    free_frame* next;
};

struct free_list {
    free_frame* head = nullptr;
    std::size_t size = 0;
};

/// The free frames of one thread. Without a destructor of its own: what a destructor stores in its object, a compiler
/// may leave out, and frames are still released by objects of the thread that die later.
struct frame_cache {
    std::array<free_list, class_count> lists{};
    bool closed = false;

    [[nodiscard]] free_list* list_for(std::size_t size) noexcept {
        const std::size_t which = (size - 1) / class_size;
        return !recycles || closed || which >= class_count ? nullptr : &lists[which];
    }
};

thread_local constinit frame_cache cache;

/// Has the cache emptied when the thread ends; from then on frames go straight to the heap.
void close_at_thread_end() {
    struct closer {
        closer() noexcept = default;
        ~closer() {
            cache.closed = true;
            for (free_list& list : cache.lists) {
                while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
            }
        }
    };
    [[maybe_unused]] static thread_local const closer at_end;
}

std::size_t rounded(std::size_t size) noexcept {
    return (size + class_size - 1) / class_size * class_size;
}

}  // namespace

void* allocate_frame(std::size_t size) {
    free_list* list = cache.list_for(size);
    if (list == nullptr) return ::operator new(rounded(size));
    if (list->head == nullptr) return ::operator new(rounded(size));
    --list->size;
    return std::exchange(list->head, list->head->next);
}

void release_frame(void* frame, std::size_t size) noexcept {
    free_list* list = cache.list_for(size);
    if (list == nullptr || list->size >= kept_per_class) {
        ::operator delete(frame);
        return;
    }
    if (list->size == 0) close_at_thread_end();
    list->head = ::new (frame) free_frame{list->head};
    ++list->size;
}

}  // namespace detail
}  // namespace lido
