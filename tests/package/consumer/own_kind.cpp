// A pool of a kind that Lido does not know.
#include <lido/net/runtime.hpp>
#include <lido/pool/pool.hpp>

#include <iostream>

namespace {

struct number {
    int value = 0;
};

struct counting_connector {
    using connection = number;

    lido::task<lido::result<std::unique_ptr<number>>> open(const lido::pool::open_request&) {
        co_return std::make_unique<number>(number{++opened});
    }
    lido::task<lido::result<void>> check(number&, lido::time_point) { co_return lido::result<void>{}; }
    lido::task<void> close(number&, lido::time_point) { co_return; }
    std::uint32_t capacity(const number&) const { return 1; }
    lido::pool::verdict usable(const number&) const { return lido::pool::verdict::clean; }

    int opened = 0;
};

}  // namespace

int main() {
    lido::runtime io;
    lido::pool::pool<counting_connector> numbers{io, {.max_size = 1}, counting_connector{}};
    int sum = 0;
    for (int round = 0; round < 3; ++round) {
        auto lease = numbers.acquire().wait().value();
        sum += lease->value;
    }
    std::cout << "sum " << sum << '\n';
    return sum == 3 ? 0 : 1;
}
