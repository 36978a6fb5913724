#include "http/origin_pools.hpp"

#include "support/test_loop.hpp"

#include <gmock/gmock.h>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Pools without connections; they are made and dropped as if on the loop, where nothing has to be waited for.
class origin_pools_test : public testing::Test {
protected:
    struct current_scheduler : scheduler {
        using scheduler::set_current;
    };
    origin_pools_test() : before_(current_scheduler::set_current(&loop_.loop())) {}
    ~origin_pools_test() override { drop(pools_); }
    /// As the loop's own thread, which this is, but not from within.
    void drop(origin_pools& which) {
        current_scheduler::set_current(before_);
        loop_.run(drop_all(which));
        loop_.settle();
    }
    static task<void> drop_all(origin_pools& of) {
        of.take_all().clear();
        co_return;
    }
    static origin named(const char* url) { return parse_url(url).value().origin; }
    /// A request begins …
    std::shared_ptr<origin_pool> use(const char* url) { return pools_.get(named(url), now_).value(); }
    /// … and ends.
    void end(const std::shared_ptr<origin_pool>& used) const {
        used->last_used = now_.time_since_epoch().count();
        --used->in_use;
    }
    std::size_t count() {
        client_statistics view;
        pools_.describe(view);
        return view.origins.size();
    }

    test::test_loop loop_;
    scheduler* before_;
    client_settings settings_ = [] {
        client_settings made;
        made.max_origins = 2;
        return made;
    }();
    origin_pools pools_{loop_, settings_};
    time_point now_ = clock::now();
};

TEST_F(origin_pools_test, have_one_pool_for_an_origin) {
    const auto first = use("http://a.example/x");
    const auto again = use("http://A.example:80/y");
    const auto other = use("https://a.example/");
    EXPECT_EQ(first, again);
    EXPECT_NE(first, other);
    EXPECT_EQ(first->in_use, 2U);
    EXPECT_EQ(first->text, "http://a.example");
    EXPECT_EQ(other->host_field, "a.example");
}

TEST_F(origin_pools_test, give_up_the_one_that_was_used_longest_ago_for_another) {
    const auto a = use("http://a.example/");
    const auto b = use("http://b.example/");
    now_ += 1s;
    end(b);
    now_ += 1s;
    end(a);
    const auto c = use("http://c.example/");
    EXPECT_EQ(count(), 2U);
    EXPECT_EQ(use("http://a.example/"), a);
    client_statistics view;
    pools_.describe(view);
    EXPECT_EQ(view.pools_created, 3U);
    EXPECT_EQ(view.pools_closed, 1U);
}

TEST_F(origin_pools_test, refuse_another_while_all_are_in_use) {
    const auto a = use("http://a.example/");
    const auto b = use("http://b.example/");
    const auto refused = pools_.get(named("http://c.example/"), now_);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::pool_exhausted);
    EXPECT_THAT(refused.error().message(), HasSubstr("max_origins"));
    end(a);
    EXPECT_TRUE(pools_.get(named("http://c.example/"), now_).has_value());
    EXPECT_EQ(use("http://b.example/"), b);
}

TEST_F(origin_pools_test, drop_what_was_not_used_for_long_but_nothing_in_use) {
    const auto a = use("http://a.example/");
    const auto b = use("http://b.example/");
    end(a);
    EXPECT_TRUE(pools_.take_unused(now_ + 9s, 10s).empty());
    const auto dropped = pools_.take_unused(now_ + 10s, 10s);
    ASSERT_EQ(dropped.size(), 1U);
    EXPECT_EQ(dropped.front(), a);
    EXPECT_EQ(count(), 1U);
    EXPECT_NE(use("http://a.example/"), a);
}

TEST_F(origin_pools_test, are_not_made_any_more_once_closed) {
    const auto a = use("http://a.example/");
    EXPECT_EQ(pools_.seal().size(), 1U);
    const auto refused = pools_.get(named("http://a.example/"), now_);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::pool_closed);
}

TEST_F(origin_pools_test, say_which_tls_setting_cannot_be_used_and_need_none_without_tls) {
    settings_.tls.ca_file = "/nowhere/ca.pem";
    origin_pools pools(loop_, settings_);
    const auto refused = pools.get(named("https://a.example/"), now_);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), errc::tls_failed);
    EXPECT_THAT(refused.error().message(), HasSubstr("/nowhere/ca.pem"));
    EXPECT_TRUE(pools.get(named("http://a.example/"), now_).has_value());
    drop(pools);
}

TEST_F(origin_pools_test, have_one_pool_for_an_identity) {
    identity one;
    one.origin = named("http://a.example/");
    identity other = one;
    other.unix_socket = "/run/a.sock";
    const auto first = pools_.get(one, now_).value();
    EXPECT_EQ(pools_.get(one, now_).value(), first);
    EXPECT_NE(pools_.get(other, now_).value(), first);
    EXPECT_EQ(use("http://a.example/"), first);
}

TEST_F(origin_pools_test, know_what_a_proxy_that_is_asked_for_urls_has_to_be_told) {
    settings_.proxy = "http://me:hidden@proxy.example:3128";
    origin_pools pools(loop_, settings_);
    auto plain = pools.get(named("http://a.example/"), now_).value();
    EXPECT_EQ(plain->absolute_prefix, "http://a.example");
    EXPECT_EQ(plain->authorization.reveal(), "Basic bWU6aGlkZGVu");
    auto secure = pools.get(named("https://a.example/"), now_).value();
    EXPECT_EQ(secure->absolute_prefix, "");
    EXPECT_TRUE(secure->authorization.empty()) << "behind the tunnel is the server";
    plain.reset();
    secure.reset();
    drop(pools);
}

}  // namespace
}  // namespace lido::http
