#include "http/response_store.hpp"

#include "lido/base/random.hpp"
#include "made_response.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

namespace lido::http {
namespace {

using namespace std::chrono_literals;
using test::arrived;
using test::first_moment;
using test::made_response;

constexpr std::size_t plenty = std::size_t{1} << 30;

/// A caller who is known by one field, by which all responses here vary.
class caller {
public:
    explicit caller(const std::string& name) { fields_.add("X-Who", name).value(); }
    [[nodiscard]] cache_selector selector() const { return {0, fields_, nullptr, none_}; }

    [[nodiscard]] response_store::entry made(std::string_view body, std::chrono::seconds sent = 0s) const {
        stored_response stored = to_stored(made_response(200, "Vary: X-Who\r\n", body), arrived(sent));
        stored.vary = {"x-who"};
        stored.selection = selector().text(stored.vary);
        return std::make_shared<const stored_response>(std::move(stored));
    }

private:
    headers fields_;
    std::vector<std::string> none_;
};

bool put(response_store& into, const std::string& uri, const caller& by, const response_store::entry& what) {
    return into.put(uri, by.selector(), into.stamp_of(uri), what);
}

std::string find(response_store& in, const std::string& uri, const caller& by) {
    const response_store::entry found = in.find(uri, by.selector());
    return found ? *found->body : "none";
}

const caller ann("ann");
const caller bob("bob");

TEST(response_store, gives_to_each_what_he_selects) {
    response_store store({plenty, 100, 16});
    EXPECT_EQ(find(store, "/", ann), "none");
    EXPECT_TRUE(put(store, "/", ann, ann.made("for ann")));
    EXPECT_EQ(find(store, "/", ann), "for ann");
    EXPECT_EQ(find(store, "/", bob), "none");
    EXPECT_EQ(find(store, "/other", ann), "none");
    EXPECT_TRUE(put(store, "/", bob, bob.made("for bob")));
    EXPECT_EQ(find(store, "/", ann), "for ann");
    EXPECT_EQ(find(store, "/", bob), "for bob");
    EXPECT_EQ(store.count().entries, 2U);
}

TEST(response_store, replaces_what_the_same_request_selects) {
    response_store store({plenty, 100, 16});
    put(store, "/", ann, ann.made("old"));
    put(store, "/", bob, bob.made("bob's"));
    put(store, "/", ann, ann.made("new"));
    EXPECT_EQ(find(store, "/", ann), "new");
    EXPECT_EQ(find(store, "/", bob), "bob's");
    EXPECT_EQ(store.count().entries, 2U);
    EXPECT_EQ(store.count().evicted, 0U);
}

TEST(response_store, keeps_what_was_asked_for_later) {
    response_store store({plenty, 100, 16});
    put(store, "/", ann, ann.made("asked for later", 5s));
    EXPECT_FALSE(put(store, "/", ann, ann.made("long on its way", 4s)));
    EXPECT_EQ(find(store, "/", ann), "asked for later");
    EXPECT_EQ(store.count().outdated, 1U);
}

TEST(response_store, gives_up_what_was_used_longest_ago) {
    response_store store({plenty, 3, 16});
    for (const char* uri : {"/1", "/2", "/3"}) put(store, uri, ann, ann.made(uri));
    EXPECT_EQ(find(store, "/1", ann), "/1");
    put(store, "/4", ann, ann.made("/4"));
    EXPECT_EQ(find(store, "/2", ann), "none");
    EXPECT_EQ(find(store, "/1", ann), "/1");
    EXPECT_EQ(store.count().entries, 3U);
    EXPECT_EQ(store.count().evicted, 1U);
}

TEST(response_store, makes_room_for_bytes) {
    const std::size_t one = ann.made(std::string(10'000, 'x'))->bytes(2);
    response_store store({3 * one, 100, 16});
    for (const char* uri : {"/1", "/2", "/3"}) put(store, uri, ann, ann.made(std::string(10'000, 'x')));
    EXPECT_EQ(store.count().bytes, 3 * one);
    put(store, "/4", ann, ann.made(std::string(10'001, 'x')));
    EXPECT_EQ(store.count().entries, 2U);
    EXPECT_LE(store.count().bytes, 3 * one);
}

TEST(response_store, refuses_what_is_larger_than_itself_and_keeps_the_rest) {
    response_store store({10'000, 100, 16});
    put(store, "/1", ann, ann.made("small"));
    EXPECT_FALSE(put(store, "/2", ann, ann.made(std::string(10'000, 'x'))));
    EXPECT_EQ(find(store, "/1", ann), "small");
    EXPECT_EQ(store.count().too_large, 1U);
}

TEST(response_store, has_so_many_variants_of_a_uri) {
    response_store store({plenty, 100, 2});
    for (const char* name : {"1", "2", "3"}) put(store, "/", caller(name), caller(name).made(name));
    EXPECT_EQ(find(store, "/", caller("1")), "none");
    EXPECT_EQ(find(store, "/", caller("2")), "2");
    EXPECT_EQ(find(store, "/", caller("3")), "3");
    EXPECT_EQ(store.count().entries, 2U);
}

TEST(response_store, forgets_all_variants_of_an_invalidated_uri_and_what_is_on_its_way) {
    response_store store({plenty, 100, 16});
    put(store, "/", ann, ann.made("a"));
    put(store, "/", bob, bob.made("b"));
    const response_store::stamp before = store.stamp_of("/");
    EXPECT_EQ(store.erase("/"), 2U);
    EXPECT_EQ(store.count().entries, 0U);
    EXPECT_EQ(store.count().bytes, 0U);
    EXPECT_EQ(store.count().invalidated, 2U);
    EXPECT_FALSE(store.put("/", ann.selector(), before, ann.made("made before")));
    EXPECT_TRUE(put(store, "/", ann, ann.made("made after")));
    EXPECT_EQ(find(store, "/", ann), "made after");
}

TEST(response_store, forgets_one_only_while_it_is_there) {
    response_store store({plenty, 100, 16});
    const auto old = ann.made("old");
    put(store, "/", ann, old);
    put(store, "/", ann, ann.made("new"));
    store.erase("/", *old);
    EXPECT_EQ(find(store, "/", ann), "new");
    store.erase("/none", *old);
    store.erase("/", *store.find("/", ann.selector()));
    EXPECT_EQ(find(store, "/", ann), "none");
}

TEST(response_store, that_was_cleared_takes_nothing_that_was_on_its_way) {
    response_store store({plenty, 100, 16});
    put(store, "/", ann, ann.made("a"));
    const response_store::stamp before = store.stamp_of("/");
    store.clear();
    EXPECT_EQ(find(store, "/", ann), "none");
    EXPECT_EQ(store.count().bytes, 0U);
    EXPECT_FALSE(store.put("/", ann.selector(), before, ann.made("made before")));
}

TEST(revalidation, is_one_for_each_response_and_so_many_in_all) {
    response_store store({plenty, 100, 16});
    std::vector<response_store::entry> all;
    for (const char* uri : {"/1", "/2", "/3"}) {
        all.push_back(ann.made(uri));
        put(store, uri, ann, all.back());
    }
    EXPECT_TRUE(store.begin_revalidation("/1", *all[0], 2, first_moment));
    EXPECT_FALSE(store.begin_revalidation("/1", *all[0], 2, first_moment)) << "runs already";
    EXPECT_TRUE(store.begin_revalidation("/2", *all[1], 2, first_moment));
    EXPECT_FALSE(store.begin_revalidation("/3", *all[2], 2, first_moment)) << "too many";
    EXPECT_EQ(store.count().revalidations, 2U);
    store.end_revalidation("/1", *all[0], first_moment + 1s);
    EXPECT_FALSE(store.begin_revalidation("/1", *all[0], 2, first_moment + 999ms)) << "it has just failed";
    EXPECT_TRUE(store.begin_revalidation("/1", *all[0], 2, first_moment + 1s));
    store.end_revalidation("/1", *all[0], {});
    store.erase("/2");
    store.end_revalidation("/2", *all[1], {});
    EXPECT_EQ(store.count().revalidations, 0U) << "also when the response has gone meanwhile";
    EXPECT_FALSE(store.begin_revalidation("/2", *all[1], 2, first_moment)) << "it is gone";
}

/// Against a model: at most what is allowed, and what is found is what was put there last.
TEST(response_store, never_holds_more_than_allowed_whatever_is_done_with_it) {
    random_source dice(11);
    const auto choose = [&dice](std::size_t count) {
        return static_cast<std::size_t>(dice.unit() * static_cast<double>(count));
    };
    const std::vector<std::string> names{"ann", "bob", "cid", "dan"};
    for (int world = 0; world < 30; ++world) {
        const std::size_t max_bytes = 4096 + choose(30'000);
        const std::size_t max_entries = 1 + choose(12);
        const std::size_t max_variants = 1 + choose(4);
        response_store store({max_bytes, max_entries, max_variants});
        std::map<std::string, std::string> last;
        for (int step = 0; step < 500; ++step) {
            const std::string uri = "/" + std::to_string(choose(8));
            const std::string& name = names[choose(names.size())];
            const caller who(name);
            const std::string key = uri + " " + name;
            if (choose(10) == 0) {
                store.erase(uri);
                for (const std::string& each : names) last.erase(uri + " " + each);
            } else if (choose(2) == 0) {
                const std::string found = find(store, uri, who);
                if (found != "none") {
                    ASSERT_EQ(found, last[key]);
                }
            } else {
                const std::string body(choose(6000), static_cast<char>('a' + choose(26)));
                const auto what = who.made(body);
                const bool fits = what->bytes(uri.size()) <= max_bytes;
                ASSERT_EQ(put(store, uri, who, what), fits);
                if (fits) {
                    last[key] = body;
                    ASSERT_EQ(find(store, uri, who), body);
                }
            }
            const response_store::numbers now = store.count();
            ASSERT_LE(now.bytes, max_bytes);
            ASSERT_LE(now.entries, max_entries);
        }
        store.clear();
        ASSERT_EQ(store.count().bytes, 0U);
    }
}

}  // namespace
}  // namespace lido::http
