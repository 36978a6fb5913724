// Lido: the leases that are out, and which of them have been out too long.
#pragma once

#include "lido/base/time.hpp"
#include "lido/pool/identifiers.hpp"
#include "pool/index_list.hpp"

#include <cstdint>
#include <source_location>
#include <vector>

namespace lido::pool {

struct lease_record {
    std::uint32_t generation = 0;
    std::uint32_t slot = no_index;
    bool out = false;
    std::uint64_t holder = 0;
    time_point since{};
    std::source_location where;
    index_links links;
};

/// The table of leases. Each lease that is out and was not reported yet is on a list in the order of lending, so that
/// the next one to report is its front: all operations cost O(1). A plain value; not thread-safe.
class leak_watch {
public:
    explicit leak_watch(duration leak_after) : leak_after_(leak_after) {}
    void set_leak_after(duration leak_after) noexcept { leak_after_ = leak_after; }

    lease_id add(std::uint32_t slot, time_point now, std::uint64_t holder, const std::source_location& where) {
        std::uint32_t index = 0;
        if (free_.empty()) {
            index = static_cast<std::uint32_t>(all_.size());
            all_.emplace_back();
        } else {
            index = free_.back();
            free_.pop_back();
        }
        lease_record& record = all_[index];
        ++record.generation;
        record.slot = slot;
        record.out = true;
        record.holder = holder;
        record.since = now;
        record.where = where;
        unreported_.push_back(all_, index);
        ++size_;
        return {index, record.generation};
    }

    [[nodiscard]] bool contains(lease_id which) const noexcept {
        return which.index < all_.size() && all_[which.index].out && all_[which.index].generation == which.generation;
    }
    [[nodiscard]] const lease_record& at(lease_id which) const noexcept { return all_[which.index]; }

    void remove(lease_id which) noexcept {
        lease_record& record = all_[which.index];
        if (record.links.linked) unreported_.remove(all_, which.index);
        record.out = false;
        free_.push_back(which.index);
        --size_;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// When the next lease becomes a suspect.
    [[nodiscard]] time_point next_report() const noexcept {
        return unreported_.empty() ? never : deadline_after(all_[unreported_.front()].since, leak_after_);
    }
    /// The next lease that has been out too long; each is returned once. Precondition: `next_report() <= now`.
    [[nodiscard]] lease_id take_suspect() noexcept {
        const std::uint32_t index = unreported_.front();
        unreported_.remove(all_, index);
        return {index, all_[index].generation};
    }

private:
    std::vector<lease_record> all_;
    std::vector<std::uint32_t> free_;
    index_list<lease_record, &lease_record::links> unreported_;
    duration leak_after_;
    std::size_t size_ = 0;
};

}  // namespace lido::pool
