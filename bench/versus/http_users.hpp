// Lido: users that send one GET after another through the public http::client.
#pragma once

#include "lido/http/client.hpp"
#include "lido/net/runtime.hpp"
#include "versus/load_window.hpp"

#include <cstdio>
#include <string>
#include <utility>

namespace lido::bench {

inline task<void> http_user(http::client& through, const std::string& path, load_window& window) {
    time_point begun = clock::now();
    while (window.goes_on(begun)) {
        http::request what(http::method::get, path);
        const auto response = co_await through.send(std::move(what));
        window.count(begun, response && response->status() == 200);
    }
    window.user_ended();
}

/// Runs `users` of them for `seconds`, prints what came of it, and gives the exit status.
inline int run_http_users(const http::client_settings& settings, const std::string& path, int users, double seconds) {
    runtime io;
    http::client client(io, settings);
    load_window window(users, std::chrono::milliseconds(300), std::chrono::duration<double>(seconds));
    for (int i = 0; i < users; ++i) io.spawn(http_user(client, path, window), 0);
    // Counted when all have ended, so the number of connections is that of the whole run.
    const bool good = window.report("request");
    std::printf("connections created %llu\n", static_cast<unsigned long long>(client.statistics().connections_created));
    return good ? 0 : 1;
}

}  // namespace lido::bench
