// Lido: doubly linked lists over indices.
#pragma once

#include "lido/base/assert.hpp"

#include <cstdint>
#include <vector>

namespace lido::pool {

/// "No element": an index that is never used.
inline constexpr std::uint32_t no_index = 0xFFFF'FFFF;

struct index_links {
    std::uint32_t previous = no_index;
    std::uint32_t next = no_index;
    bool linked = false;
};

/// A doubly linked list of elements of a vector, by index, so that the vector and its lists can be copied as values.
/// `Member` is the element's `index_links` for this list. All operations cost O(1).
template <class Element, index_links Element::*Member>
class index_list {
public:
    [[nodiscard]] bool empty() const noexcept { return head_ == no_index; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint32_t front() const noexcept { return head_; }
    [[nodiscard]] std::uint32_t back() const noexcept { return tail_; }

    void push_front(std::vector<Element>& all, std::uint32_t which) noexcept { insert(all, which, no_index, head_); }
    void push_back(std::vector<Element>& all, std::uint32_t which) noexcept { insert(all, which, tail_, no_index); }

    /// Between two neighbours, of which either may be `no_index`: the end of the list.
    void insert(std::vector<Element>& all, std::uint32_t which, std::uint32_t previous, std::uint32_t next) noexcept {
        index_links& links = all[which].*Member;
        LIDO_ASSERT(!links.linked);
        links = {previous, next, true};
        (previous != no_index ? (all[previous].*Member).next : head_) = which;
        (next != no_index ? (all[next].*Member).previous : tail_) = which;
        ++size_;
    }

    void remove(std::vector<Element>& all, std::uint32_t which) noexcept {
        index_links& links = all[which].*Member;
        LIDO_ASSERT(links.linked);
        if (links.previous != no_index) {
            (all[links.previous].*Member).next = links.next;
        } else {
            head_ = links.next;
        }
        if (links.next != no_index) {
            (all[links.next].*Member).previous = links.previous;
        } else {
            tail_ = links.previous;
        }
        links = {};
        --size_;
    }

private:
    std::uint32_t head_ = no_index;
    std::uint32_t tail_ = no_index;
    std::size_t size_ = 0;
};

}  // namespace lido::pool
