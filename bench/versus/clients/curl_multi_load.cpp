// The load of the comparison by libcurl: its multi interface with epoll (curl_multi_socket_action), the fastest that it
// offers on one thread; N transfers, each begins again when it ends, on connections that are kept.
//
//   curl_multi_load URL CONNECTIONS SECONDS [CA_FILE]
//
// Prints "R requests, C cpu seconds, S seconds" of the time after a warm-up.
#include <cstdio>

#ifdef LIDO_BENCH_CURL

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using clock_type = std::chrono::steady_clock;

struct load {
    CURLM* multi = nullptr;
    int epoll = -1;
    clock_type::time_point timer_at = clock_type::time_point::max();
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;
};

int on_socket(CURL*, curl_socket_t descriptor, int what, void* context, void* known) {
    auto& mine = *static_cast<load*>(context);
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(mine.epoll, EPOLL_CTL_DEL, descriptor, nullptr);
        return 0;
    }
    epoll_event event{};
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    event.data.fd = descriptor;
    epoll_ctl(mine.epoll, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event);
    if (known == nullptr) curl_multi_assign(mine.multi, descriptor, &mine);
    return 0;
}

int on_timer(CURLM*, long milliseconds, void* context) {
    auto& mine = *static_cast<load*>(context);
    mine.timer_at =
        milliseconds < 0 ? clock_type::time_point::max() : clock_type::now() + std::chrono::milliseconds(milliseconds);
    return 0;
}

std::size_t drop(char*, std::size_t size, std::size_t count, void*) {
    return size * count;
}

CURL* make_transfer(const char* url, const char* ca_file) {
    CURL* made = curl_easy_init();
    curl_easy_setopt(made, CURLOPT_URL, url);
    curl_easy_setopt(made, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(made, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(made, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(made, CURLOPT_TIMEOUT_MS, 30000L);
    if (ca_file != nullptr) curl_easy_setopt(made, CURLOPT_CAINFO, ca_file);
    return made;
}

/// Counts the transfers that have ended, and begins them again until `end`.
void begin_again(load& mine, bool more) {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(mine.multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* const transfer = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
        ++mine.requests;
        if (message->data.result != CURLE_OK || status != 200) ++mine.failures;
        curl_multi_remove_handle(mine.multi, transfer);
        if (more) curl_multi_add_handle(mine.multi, transfer);
    }
}

void run_until(load& mine, clock_type::time_point end) {
    int running = 0;
    while (clock_type::now() < end) {
        const auto wait =
            std::chrono::ceil<std::chrono::milliseconds>(std::min(mine.timer_at, end) - clock_type::now());
        epoll_event events[64];
        const int count = epoll_wait(mine.epoll, events, 64, static_cast<int>(std::max<long>(wait.count(), 0)));
        for (int i = 0; i < count; ++i) {
            int what = 0;
            if ((events[i].events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
            if ((events[i].events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
            if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
            curl_multi_socket_action(mine.multi, events[i].data.fd, what, &running);
        }
        if (clock_type::now() >= mine.timer_at) {
            mine.timer_at = clock_type::time_point::max();
            curl_multi_socket_action(mine.multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        begin_again(mine, true);
    }
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& value) {
        return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: curl_multi_load URL CONNECTIONS SECONDS [CA_FILE]\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_ALL);
    if (count == 5 && arguments[4][0] == '-') {
        std::printf("%s\n", curl_version());
        return 0;
    }
    const int connections = std::atoi(arguments[2]);
    load mine;
    mine.multi = curl_multi_init();
    mine.epoll = epoll_create1(EPOLL_CLOEXEC);
    curl_multi_setopt(mine.multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(mine.multi, CURLMOPT_SOCKETDATA, &mine);
    curl_multi_setopt(mine.multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(mine.multi, CURLMOPT_TIMERDATA, &mine);
    curl_multi_setopt(mine.multi, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
    std::vector<CURL*> transfers;
    for (int i = 0; i < connections; ++i) {
        transfers.push_back(make_transfer(arguments[1], count > 4 ? arguments[4] : nullptr));
        curl_multi_add_handle(mine.multi, transfers.back());
    }
    run_until(mine, clock_type::now() + std::chrono::milliseconds(300));
    mine.requests = 0;
    const double cpu_before = cpu_seconds();
    const auto begun = clock_type::now();
    run_until(mine, begun + std::chrono::milliseconds(static_cast<long>(std::atof(arguments[3]) * 1000)));
    const double cpu = cpu_seconds() - cpu_before;
    const double elapsed = std::chrono::duration<double>(clock_type::now() - begun).count();
    std::printf("%llu requests, %.6f cpu seconds, %.6f seconds\n", static_cast<unsigned long long>(mine.requests), cpu,
                elapsed);
    for (CURL* each : transfers) {
        curl_multi_remove_handle(mine.multi, each);
        curl_easy_cleanup(each);
    }
    curl_multi_cleanup(mine.multi);
    close(mine.epoll);
    curl_global_cleanup();
    return mine.failures == 0 ? 0 : 1;
}

#else

int main() {
    std::fprintf(stderr, "built without libcurl\n  remedy: apt-get install libcurl4-openssl-dev, and build again\n");
    return 2;
}

#endif
