#include <lido/base/error.hpp>
#include <lido/base/result.hpp>

#include <cstdio>

static lido::result<int> half(int number) {
    if (number % 2 != 0) return lido::error(lido::errc::invalid_argument, "number is odd", "give an even one");
    return number / 2;
}

int main() {
    const bool good = half(4).value() == 2 && !half(3).has_value();
    std::puts(good ? "consumer: good" : "consumer: wrong");
    return good ? 0 : 1;
}
