#include "lido/base/task.hpp"

#include <array>
#include <new>

#include "lido/base/scheduler.hpp"

namespace lido {

thread_local constinit scheduler* scheduler::current_ = nullptr;

namespace detail {
namespace {

constexpr std::size_t class_size = 256;
constexpr std::size_t class_count = 16;
constexpr std::size_t kept_per_class = 64;

struct free_frame {
    free_frame* next;
};

struct free_list {
    free_frame* head = nullptr;
    std::size_t size = 0;
};

/// The free frames of one thread. Once the thread has destroyed it, frames go straight to the heap.
class frame_cache {
public:
    ~frame_cache() {
        destroyed_ = true;
        for (free_list& list : lists_) {
            while (list.head != nullptr) ::operator delete(std::exchange(list.head, list.head->next));
        }
    }
    [[nodiscard]] free_list* list_for(std::size_t size) noexcept {
        const std::size_t which = (size - 1) / class_size;
        return destroyed_ || which >= class_count ? nullptr : &lists_[which];
    }

private:
    std::array<free_list, class_count> lists_{};
    bool destroyed_ = false;
};

thread_local frame_cache cache;

std::size_t rounded(std::size_t size) noexcept { return (size + class_size - 1) / class_size * class_size; }

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
    list->head = ::new (frame) free_frame{list->head};
    ++list->size;
}

}  // namespace detail
}  // namespace lido
