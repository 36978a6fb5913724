#include "lido/http/body_source.hpp"

#include "lido/base/assert.hpp"

namespace lido::http {
namespace {

class function_source final : public body_source {
public:
    function_source(body_reader read, std::optional<std::uint64_t> size, std::function<result<void>()> rewind)
        : read_(std::move(read)), rewind_(std::move(rewind)), size_(size) {}

    [[nodiscard]] std::optional<std::uint64_t> size() const noexcept override { return size_; }
    [[nodiscard]] task<result<std::size_t>> read(std::span<char> space) override { return read_(space); }
    [[nodiscard]] bool can_rewind() const noexcept override { return rewind_ != nullptr; }

protected:
    [[nodiscard]] result<void> rewind() override { return rewind_(); }

private:
    body_reader read_;
    std::function<result<void>()> rewind_;
    std::optional<std::uint64_t> size_;
};

}  // namespace

result<void> body_source::begin() {
    if (!begun_.exchange(true, std::memory_order_acq_rel)) return {};
    if (can_rewind()) return rewind();
    return error(errc::invalid_argument, "the request's body source was read before and cannot be rewound",
                 "give each request a source of its own, or one that can be rewound");
}

std::shared_ptr<body_source> body_from(body_reader read, std::optional<std::uint64_t> size,
                                       std::function<result<void>()> rewind) {
    LIDO_ASSERT(read != nullptr);
    return std::make_shared<function_source>(std::move(read), size, std::move(rewind));
}

}  // namespace lido::http
