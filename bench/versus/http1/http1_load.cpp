// The load of the comparison with wrk: N coroutines, each sends one GET after another through the public http::client.
//
//   http1_load BASE_URL PATH CONNECTIONS SECONDS [CA_FILE]
//
// Prints requests/s, CPU microseconds per request (user, system), p50 and p99 in microseconds, and the connections
// made.
#include "versus/http_users.hpp"

#include <cstdlib>

int main(int count, char** arguments) {
    if (count < 5) {
        std::fprintf(stderr, "usage: http1_load BASE_URL PATH CONNECTIONS SECONDS [CA_FILE]\n");
        return 2;
    }
    const int connections = std::atoi(arguments[3]);
    lido::http::client_settings settings;
    settings.base_url = arguments[1];
    settings.max_connections_per_origin = static_cast<std::size_t>(connections);
    if (count > 5) settings.tls.ca_file = arguments[5];
    return lido::bench::run_http_users(settings, arguments[2], connections, std::atof(arguments[4]));
}
