// TLS inside TLS, as through the tunnel of a proxy that is spoken to by TLS.
#include "lido/net/stream.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"
#include "support/test_loop.hpp"
#include "support/test_sockets.hpp"
#include "unit/net/stream_pair.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using opened = result<std::unique_ptr<stream>>;

/// Moves bytes from one stream to another, a few at a time, until either ends.
task<bool> pump(stream& from, stream& to, std::size_t most_at_once) {
    std::string space(most_at_once, '\0');
    while (true) {
        const io_result got = from.read_some(space);
        if (got.status == io_status::end || got.status == io_status::failed) co_return got.status == io_status::end;
        if (got.status != io_status::done) {
            const bool ready = co_await from.readiness(got.status, clock::now() + 20s);
            if (!ready) co_return false;
            continue;
        }
        std::string piece = space.substr(0, got.bytes);
        task<result<void>> writing = test::write_all(to, std::move(piece));
        const result<void> written = co_await std::move(writing);
        if (!written) co_return false;
    }
}

/// A client, a proxy that takes TLS off, and a server behind it that speaks TLS itself.
class tls_in_tls_test : public testing::Test {
protected:
    tls_in_tls_test() { proxy_.resume_sessions = server_.resume_sessions = true; }

    tls_server_settings serving(const std::string& name) {
        const test::certificate_files files = ca_.issue({.common_name = "x", .dns = {name}});
        tls_server_settings settings;
        settings.certificate_file = files.certificate;
        settings.key_file = files.key;
        return settings;
    }
    /// Connects through the proxy; what the inner handshake came to.
    result<void> connect(const std::string& host = "shop.example",
                         const std::shared_ptr<tls_session_store>& sessions = nullptr) {
        auto [near, middle] = test::socket_pair();
        auto [beyond, far] = test::socket_pair();
        const time_point deadline = clock::now() + 20s;
        const auto proxy_context = tls_context::server(proxy_).value();
        if (server_context_ == nullptr) server_context_ = tls_context::server(server_).value();
        client_ = std::make_unique<stream>(std::make_unique<socket>(here_.loop(), std::move(near)));
        const auto outer = here_.start(client_->start_tls(trusting_, "proxy.example", deadline));
        const auto proxy = here_.start(
            accept_stream(std::make_unique<socket>(here_.loop(), std::move(middle)), proxy_context, deadline));
        here_.run_until([&] { return outer.done() && proxy.done(); });
        outer.take().value();
        proxy_near_ = proxy.take().value();
        proxy_far_ = std::make_unique<stream>(std::make_unique<socket>(here_.loop(), std::move(beyond)));
        up_ = here_.start(pump(*proxy_near_, *proxy_far_, piece_));
        down_ = here_.start(pump(*proxy_far_, *proxy_near_, piece_));
        const auto server = here_.start(
            accept_stream(std::make_unique<socket>(here_.loop(), std::move(far)), server_context_, deadline));
        const auto inner = here_.start(client_->start_tls(trusting_, host, deadline, sessions));
        here_.run_until([&] { return inner.done(); });
        result<void> ended = inner.take();
        if (!ended) {
            server.cancel();
            here_.settle();
            return ended;
        }
        here_.run_until([&] { return server.done(); });
        peer_ = server.take().value();
        return ended;
    }
    ~tls_in_tls_test() override {
        client_.reset();
        peer_.reset();
        if (up_) up_->cancel();
        if (down_) down_->cancel();
        here_.settle();
    }
    /// What comes out at the other end of `from`.
    std::string carry(stream& from, stream& to, const std::string& text) {
        const auto sent = here_.start(test::write_all(from, text));
        const auto came = here_.start(test::read_bytes(to, text.size()));
        here_.run_until([&] { return sent.done() && came.done(); });
        sent.take().value();
        return came.take().value();
    }

    test::temporary_directory folder_;
    test::certificate_authority ca_{folder_};
    test::test_loop here_;
    tls_server_settings proxy_ = serving("proxy.example");
    tls_server_settings server_ = serving("shop.example");
    std::shared_ptr<const tls_context> server_context_;
    std::shared_ptr<const tls_context> trusting_ = tls_context::client({.ca_file = ca_.ca_file()}).value();
    std::size_t piece_ = 65536;
    std::unique_ptr<stream> proxy_near_;
    std::unique_ptr<stream> proxy_far_;
    std::optional<test::running<bool>> up_;
    std::optional<test::running<bool>> down_;
    std::unique_ptr<stream> client_;
    std::unique_ptr<stream> peer_;
};

TEST_F(tls_in_tls_test, carries_bytes_both_ways_whatever_pieces_they_come_in) {
    std::string large(300'000, 'x');
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
    for (const std::size_t piece : {65536U, 1000U, 7U}) {
        piece_ = piece;
        ASSERT_TRUE(connect().has_value());
        const std::string text = piece == 7 ? large.substr(0, 20'000) : large;
        EXPECT_TRUE(carry(*client_, *peer_, text) == text);
        EXPECT_TRUE(carry(*peer_, *client_, text) == text);
        EXPECT_TRUE(client_->is_tls());
        up_->cancel();
        down_->cancel();
        here_.settle();
    }
}

TEST_F(tls_in_tls_test, verifies_the_server_and_not_the_proxy_in_its_place) {
    const result<void> refused = connect("other.example");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::tls_failed);
    EXPECT_THAT(refused.error().what(), HasSubstr("certificate is for shop.example, not for other.example"));
}

TEST_F(tls_in_tls_test, resumes_the_session_with_the_server) {
    const auto sessions = std::make_shared<tls_session_store>();
    server_.maximum_version = tls_version::tls_1_2;  // whose ticket is there with the end of the handshake
    ASSERT_TRUE(connect("shop.example", sessions).has_value());
    EXPECT_FALSE(client_->tls()->resumed());
    ASSERT_TRUE(connect("shop.example", sessions).has_value());
    EXPECT_TRUE(client_->tls()->resumed());
    EXPECT_EQ(carry(*client_, *peer_, "word"), "word");
}

TEST_F(tls_in_tls_test, is_quiet_until_something_comes) {
    ASSERT_TRUE(connect().has_value());
    EXPECT_EQ(carry(*peer_, *client_, "word"), "word");
    here_.settle();
    client_->mark_idle();
    EXPECT_TRUE(client_->quiet());
    const auto sent = here_.start(test::write_all(*peer_, "stray"));
    here_.run_until([&] { return sent.done(); });
    here_.settle();
    EXPECT_FALSE(client_->quiet());
    EXPECT_FALSE(client_->healthy_after_disturbance());
}

TEST_F(tls_in_tls_test, is_not_quiet_while_a_decrypted_byte_is_unread) {
    ASSERT_TRUE(connect().has_value());
    here_.run(test::write_all(*peer_, "two")).value();
    EXPECT_EQ(here_.run(test::read_bytes(*client_, 1)).value(), "t");
    client_->mark_idle();
    EXPECT_FALSE(client_->quiet());
}

TEST_F(tls_in_tls_test, says_good_bye_to_the_server) {
    ASSERT_TRUE(connect().has_value());
    here_.run(client_->close(clock::now() + 20s));
    char space[8];
    io_result got;
    here_.run_until([&] {
        got = peer_->read_some(space);
        return got.status != io_status::want_read;
    });
    EXPECT_EQ(got.status, io_status::end);
}

TEST_F(tls_in_tls_test, notices_that_the_proxy_cuts_the_tunnel) {
    ASSERT_TRUE(connect().has_value());
    up_->cancel();
    down_->cancel();
    here_.settle();
    proxy_near_.reset();
    here_.settle();
    char space[8];
    const io_result got = client_->read_some(space);
    ASSERT_EQ(got.status, io_status::failed);
    EXPECT_EQ(client_->failure(got), errc::connection_closed);
}

}  // namespace
}  // namespace lido::net
