#include "lido/net/tls_session_store.hpp"

#include "lido/net/tls.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_certificates.hpp"
#include "support/test_loop.hpp"
#include "unit/net/stream_pair.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <thread>

namespace lido::net {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class tls_session_store_test : public testing::TestWithParam<tls_version> {
protected:
    tls_settings trusting() const {
        tls_settings settings;
        settings.ca_file = ca_.ca_file();
        return settings;
    }
    tls_server_settings serving() const {
        tls_server_settings settings;
        settings.certificate_file = files_.certificate;
        settings.key_file = files_.key;
        settings.minimum_version = settings.maximum_version = GetParam();
        settings.resume_sessions = true;
        return settings;
    }
    /// One connection: handshake, a word, and its answer, behind which the server's tickets have come.
    bool connect(const std::shared_ptr<const tls_context>& client, const std::shared_ptr<tls_session_store>& store) {
        pair_ = std::make_unique<test::tls_pair>(here_, client, server_, "shop.example", store);
        if (!pair_->client_outcome()) return false;
        EXPECT_EQ(pair_->transfer("hello"), "hello");
        EXPECT_EQ(pair_->server().write_some(std::string_view("x")).bytes, 1U);
        EXPECT_EQ(pair_->read_at_client().bytes, 1U);
        return true;
    }
    bool connect() { return connect(client_, store_); }

    test::temporary_directory folder_;
    test::certificate_authority ca_{folder_};
    test::certificate_files files_ = ca_.issue({.common_name = "x", .dns = {"shop.example"}});
    test::test_loop here_;
    std::shared_ptr<tls_session_store> store_ = std::make_shared<tls_session_store>();
    std::shared_ptr<const tls_context> client_ = tls_context::client(trusting()).value();
    std::shared_ptr<const tls_context> server_ = tls_context::server(serving()).value();
    std::unique_ptr<test::tls_pair> pair_;
};

INSTANTIATE_TEST_SUITE_P(, tls_session_store_test, testing::Values(tls_version::tls_1_2, tls_version::tls_1_3),
                         [](const auto& each) { return each.param == tls_version::tls_1_2 ? "tls_1_2" : "tls_1_3"; });

TEST_P(tls_session_store_test, lets_the_next_handshake_resume) {
    ASSERT_TRUE(connect());
    EXPECT_FALSE(pair_->client().resumed());
    EXPECT_GT(store_->size(), 0U);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(connect());
        EXPECT_TRUE(pair_->client().resumed());
    }
    EXPECT_EQ(store_->handshakes(), 4U);
    EXPECT_EQ(store_->resumed(), 3U);
}

TEST_P(tls_session_store_test, hands_out_a_session_of_tls_1_3_once_only) {
    ASSERT_TRUE(connect());
    const std::size_t before = store_->size();
    // A handshake that begins takes its session, whatever becomes of it.
    auto [left, right] = test::socket_pair();
    socket below(here_.loop(), std::move(left));
    const auto begun = tls_session::client(client_, below, "shop.example", store_);
    ASSERT_TRUE(begun.has_value());
    EXPECT_EQ(store_->size(), GetParam() == tls_version::tls_1_3 ? before - 1 : before);
}

TEST_P(tls_session_store_test, belongs_to_those_who_share_it_alone) {
    ASSERT_TRUE(connect());
    ASSERT_TRUE(connect(client_, std::make_shared<tls_session_store>()));
    EXPECT_FALSE(pair_->client().resumed());
    ASSERT_TRUE(connect(client_, nullptr));
    EXPECT_FALSE(pair_->client().resumed());
}

TEST_P(tls_session_store_test, is_not_used_when_the_settings_say_so) {
    tls_settings settings = trusting();
    settings.resume_sessions = false;
    const auto never_again = tls_context::client(settings).value();
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(connect(never_again, store_));
        EXPECT_FALSE(pair_->client().resumed());
    }
    EXPECT_EQ(store_->size(), 0U);
}

TEST_P(tls_session_store_test, holds_a_bounded_number_of_sessions) {
    for (int i = 0; i < 20; ++i) {
        const auto anew = std::make_shared<tls_session_store>();
        ASSERT_TRUE(connect(client_, anew));
        EXPECT_LE(anew->size(), 2U);
        ASSERT_TRUE(connect());
        EXPECT_LE(store_->size(), tls_session_store::capacity);
    }
}

TEST_P(tls_session_store_test, is_emptied_by_a_handshake_that_fails_after_a_session_was_offered) {
    ASSERT_TRUE(connect());
    ASSERT_TRUE(connect());
    ASSERT_GT(store_->size(), 0U);
    // The server has become another one, which knows nothing of these sessions and is not trusted.
    test::certificate_authority stranger(folder_, "Stranger");
    files_ = stranger.issue({.common_name = "x", .dns = {"shop.example"}});
    server_ = tls_context::server(serving()).value();
    EXPECT_FALSE(connect());
    EXPECT_THAT(pair_->client_outcome().error().what(), HasSubstr("Stranger"));
    EXPECT_EQ(store_->size(), 0U);
}

TEST_P(tls_session_store_test, of_a_server_that_has_forgotten_costs_a_whole_handshake_and_nothing_else) {
    ASSERT_TRUE(connect());
    server_ = tls_context::server(serving()).value();  // with new keys for its tickets
    ASSERT_TRUE(connect());
    EXPECT_FALSE(pair_->client().resumed());
    ASSERT_TRUE(connect());
    EXPECT_TRUE(pair_->client().resumed());
}

TEST_P(tls_session_store_test, hands_out_no_session_whose_certificate_has_expired_meanwhile) {
    files_ = ca_.issue({.common_name = "x", .dns = {"shop.example"}, .valid_until = 2s});
    server_ = tls_context::server(serving()).value();
    ASSERT_TRUE(connect());
    ASSERT_TRUE(connect());
    EXPECT_TRUE(pair_->client().resumed());
    // The wall clock is what certificates are about, and it cannot be turned.
    std::this_thread::sleep_for(3s);
    EXPECT_FALSE(connect());
    EXPECT_THAT(pair_->client_outcome().error().what(), HasSubstr("expired"));
}

TEST_P(tls_session_store_test, of_a_client_that_verifies_nothing_is_of_no_use_to_one_that_does) {
    tls_settings blind;
    blind.verify = tls_verify::none;
    const auto trusting_anybody = tls_context::client(blind).value();
    // Whoever lets both share a store makes a mistake; what is resumed is looked at all the same.
    ASSERT_TRUE(connect(trusting_anybody, store_));
    test::certificate_authority stranger(folder_, "Stranger");
    tls_settings other;
    other.ca_file = stranger.ca_file();
    EXPECT_FALSE(connect(tls_context::client(other).value(), store_));
}

}  // namespace
}  // namespace lido::net
