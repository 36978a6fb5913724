// Lido: what tests against real servers that speak TLS share.
#pragma once

#include "support/http_client_world.hpp"
#include "support/nginx_server.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lido::test {

/// An authority, and servers and clients that know it.
class tls_world : public testing::Test {
protected:
    /// An nginx that sends the nonce back and has files below /files/; `more` stands in its `server { }`.
    [[nodiscard]] nginx_configuration speaking_tls(const certificate_request& who, std::string_view more = {}) {
        const certificate_files files = authority_.issue(who);
        return {.server = std::string(more) + R"(
                    location / { return 200 "$http_x_nonce"; }
                    location /protocol { return 200 "$server_protocol"; }
                    location /files/ { alias files/; }
                    keepalive_requests 1000000;)",
                .certificate = files.certificate,
                .key = files.key};
    }
    [[nodiscard]] http::client_settings trusting(std::string url) const {
        http::client_settings settings = plain_settings(std::move(url));
        settings.tls.ca_file = authority_.ca_file();
        return settings;
    }
    [[nodiscard]] http::client_settings trusting(const nginx_server& server) const { return trusting(server.url()); }

    temporary_directory folder_;
    certificate_authority authority_{folder_};
    certificate_request for_localhost_{.common_name = "localhost", .dns = {"localhost"}, .ips = {"127.0.0.1"}};
};

}  // namespace lido::test
