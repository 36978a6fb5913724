// The load of the comparison with h2load: N coroutines, each sends one GET after another through the public
// http::client.
//
//   http2_load BASE_URL PATH CONNECTIONS STREAMS SECONDS [CA_FILE]
//
// Prints requests/s, CPU microseconds per request (user, system), p50 and p99 in microseconds, and the connections
// made.
#include "versus/http_users.hpp"

#include <cstdlib>

int main(int count, char** arguments) {
    if (count < 6) {
        std::fprintf(stderr, "usage: http2_load BASE_URL PATH CONNECTIONS STREAMS SECONDS [CA_FILE]\n");
        return 2;
    }
    const int connections = std::atoi(arguments[3]);
    const int streams = std::atoi(arguments[4]);
    const int users = connections * streams;
    lido::http::client_settings settings;
    settings.base_url = arguments[1];
    settings.max_connections_per_origin = static_cast<std::size_t>(connections);
    settings.max_waiters_per_origin = static_cast<std::size_t>(users);
    settings.http_version = lido::http::http_versions::http2;
    settings.http2.max_concurrent_streams = static_cast<std::uint32_t>(streams);
    if (count > 6) settings.tls.ca_file = arguments[6];
    return lido::bench::run_http_users(settings, arguments[2], users, std::atof(arguments[5]));
}
