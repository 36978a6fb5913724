// A pool of anything: here of open files, of which a program may have only a few. A kind of connection is one class.
#include "lido/net/runtime.hpp"
#include "lido/pool/pool.hpp"

#include <cstdio>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

/// Opens scratch files. The pool decides when, how many, who gets one, and when it is closed.
class scratch_files {
public:
    struct connection {
        std::FILE* file = nullptr;
        ~connection() {
            if (file != nullptr) std::fclose(file);
        }
    };
    using opened = lido::result<std::unique_ptr<connection>>;

    lido::task<opened> open(const lido::pool::open_request&) {
        auto made = std::make_unique<connection>();
        made->file = std::tmpfile();
        if (made->file == nullptr) co_return lido::error(lido::errc::connect_failed, "no scratch file could be opened");
        co_return std::move(made);
    }
    lido::task<lido::result<void>> check(connection& which, lido::time_point) {
        lido::result<void> outcome;
        if (std::ferror(which.file) != 0) outcome = lido::error(lido::errc::check_failed, "the scratch file is broken");
        co_return outcome;
    }
    /// Runs when a borrower left something behind, before the next one gets the file.
    lido::task<lido::result<void>> reset(connection& which, lido::time_point) {
        which.file = std::freopen(nullptr, "w+", which.file);
        lido::result<void> outcome;
        if (which.file == nullptr)
            outcome = lido::error(lido::errc::reset_failed, "the scratch file cannot be emptied");
        co_return outcome;
    }
    lido::task<void> close(connection& which, lido::time_point) {
        std::fflush(which.file);
        co_return;
    }
    std::uint32_t capacity(const connection&) const { return 1; }  // one borrower at a time
    lido::pool::verdict usable(const connection& which) const {
        if (std::ferror(which.file) != 0) return lido::pool::verdict::broken;
        return std::ftell(which.file) == 0 ? lido::pool::verdict::clean : lido::pool::verdict::needs_reset;
    }
};

/// A coroutine borrows with co_await, and waits without blocking the thread.
lido::task<long> write_a_page(lido::pool::pool<scratch_files>& files) {
    auto lease = (co_await files.acquire({.timeout = 5s})).value();
    std::fputs("a page, written by a coroutine\n", lease->file);
    co_return std::ftell(lease->file);
}  // returned here

int main() {
    lido::runtime io;
    lido::pool::pool<scratch_files> files(io, {.name = "scratch", .max_size = 2}, scratch_files());

    std::vector<std::thread> writers;
    for (int writer = 0; writer < 8; ++writer) {
        writers.emplace_back([&files, writer] {
            auto lease = files.acquire().wait().value();  // a plain thread blocks until it is its turn
            std::fprintf(lease->file, "a note of writer %d\n", writer);
        });
    }
    for (std::thread& each : writers) each.join();
    std::printf("a page of %ld bytes\n", io.run(write_a_page(files)));

    const auto seen = files.statistics();
    std::printf("%zu files served %zu borrowers\n", std::size_t{seen.created}, std::size_t{seen.served});
    return seen.served == 9 && seen.created <= 2 ? 0 : 1;
}
