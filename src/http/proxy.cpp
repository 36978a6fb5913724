#include "http/proxy.hpp"

#include "lido/net/endpoint.hpp"

#include <fmt/format.h>

namespace lido::http {
namespace {

const char* scheme_of(proxy_kind kind) noexcept {
    switch (kind) {
        case proxy_kind::http:
            return "http";
        case proxy_kind::https:
            return "https";
        case proxy_kind::socks5:
            break;
    }
    return "socks5";
}

}  // namespace

std::string proxy::to_text() const {
    return fmt::format("{}://{}", scheme_of(kind), net::host_and_port(host, port));
}

}  // namespace lido::http
