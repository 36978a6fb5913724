#include "lido/net/stream.hpp"
#include "matrix.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

#include <fcntl.h>

namespace lido::test {

using namespace std::chrono_literals;

certificate_plan authority(const std::string& name, extensions more) {
    more.insert(more.begin(), is_ca);
    return {.common_name = name, .extensions = std::move(more)};
}
certificate_plan leaf(const std::string& names, extensions more) {
    if (!names.empty()) more.emplace_back("subjectAltName", names);
    more.push_back(is_no_ca);
    return {.common_name = "leaf", .extensions = std::move(more)};
}

const authorities& signers() {
    static const authorities made;
    return made;
}

namespace {

void freed(SSL_CTX* context) {
    SSL_CTX_free(context);
}

int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned int length,
           void* own) {
    const auto& list = *static_cast<const std::string*>(own);
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, size, reinterpret_cast<const unsigned char*>(list.data()),
                              static_cast<unsigned int>(list.size()), offered, length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

/// The server's side, on a thread of its own: a handshake, and the end of it.
void serve(const scene& s, int descriptor) {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()), freed);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), s.lowest);
    SSL_CTX_set_max_proto_version(context.get(), s.highest);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    ASSERT_EQ(SSL_CTX_use_certificate(context.get(), s.chain.front().certificate()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(context.get(), s.chain.front().key()), 1);
    SSL_CTX_set_mode(context.get(), SSL_MODE_NO_AUTO_CHAIN);
    for (std::size_t i = 1; i < s.chain.size(); ++i) SSL_CTX_add1_chain_cert(context.get(), s.chain[i].certificate());
    std::string protocols = s.protocols;
    if (!protocols.empty()) SSL_CTX_set_alpn_select_cb(context.get(), choose, &protocols);
    if (s.demands_certificate) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), signers().root.certificate());
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    SSL* const ssl = SSL_new(context.get());
    SSL_set_fd(ssl, descriptor);
    if (SSL_accept(ssl) == 1) SSL_write(ssl, "ok", 2);
    SSL_free(ssl);
}

}  // namespace

std::optional<error> shake(const scene& s, const temporary_directory& folder) {
    net::tls_settings settings = s.client;
    std::string all;
    for (const made_certificate& each : s.trusted) all += each.certificate_text();
    settings.ca_file = folder.write("trusted.pem", all);
    if (s.own) {
        settings.certificate_file = folder.write("own.pem", s.own->certificate_text());
        settings.key_file = folder.write("own.key", s.own->key_text());
    }
    auto [near, far] = socket_pair();
    const int blocking = far.get();
    fcntl(blocking, F_SETFL, fcntl(blocking, F_GETFL) & ~O_NONBLOCK);
    std::thread server([&, end = std::move(far)]() mutable {
        if (s.instead) {
            s.instead(end.get());
        } else {
            serve(s, end.get());
        }
        end.reset();
    });
    test_loop here;
    std::optional<error> refused;
    {
        net::stream client(std::make_unique<net::socket>(here.loop(), std::move(near)));
        const auto context = net::tls_context::client(settings).value();
        auto shaken = here.run(client.start_tls(context, s.host, clock::now() + 20s));
        if (!shaken) {
            refused = std::move(shaken).error();
        } else {
            char space[16];
            net::io_result got;
            here.run_until([&] {
                got = client.read_some(space);
                return got.status != net::io_status::want_read;
            });
            if (got.status != net::io_status::done) refused = client.failure(got);
        }
    }
    server.join();
    return refused;
}

}  // namespace lido::test
