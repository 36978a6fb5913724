// Goal: the list behaves as std::list does, and is a value.
#include "pool/index_list.hpp"

#include "lido/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>

namespace {

using lido::pool::index_links;
using lido::pool::index_list;
using lido::pool::no_index;

struct element {
    index_links links;
};

using list = index_list<element, &element::links>;

std::vector<std::uint32_t> content(const list& all, const std::vector<element>& elements) {
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = all.front(); i != no_index; i = elements[i].links.next) found.push_back(i);
    return found;
}

TEST(index_list, an_empty_list_has_no_ends) {
    const list empty;
    EXPECT_TRUE(empty.empty());
    EXPECT_EQ(empty.front(), no_index);
    EXPECT_EQ(empty.back(), no_index);
}

TEST(index_list, it_does_what_a_standard_list_does) {
    lido::random_source random(5);
    std::vector<element> elements(50);
    list all;
    std::list<std::uint32_t> model;
    for (int step = 0; step < 20'000; ++step) {
        const auto which = static_cast<std::uint32_t>(random.below(elements.size()));
        if (elements[which].links.linked) {
            all.remove(elements, which);
            model.remove(which);
        } else if (!model.empty() && random.below(3) == 0) {
            // Behind any of those that are there.
            const auto at = std::next(model.begin(), static_cast<std::ptrdiff_t>(random.below(model.size())));
            all.insert(elements, which, *at, elements[*at].links.next);
            model.insert(std::next(at), which);
        } else if (random.below(2) == 0) {
            all.push_front(elements, which);
            model.push_front(which);
        } else {
            all.push_back(elements, which);
            model.push_back(which);
        }
        ASSERT_EQ(content(all, elements), std::vector<std::uint32_t>(model.begin(), model.end()));
        ASSERT_EQ(all.size(), model.size());
        ASSERT_EQ(all.back(), model.empty() ? no_index : model.back());
    }
}

TEST(index_list, a_copy_with_its_elements_goes_on_by_itself) {
    std::vector<element> elements(3);
    list all;
    all.push_back(elements, 0);
    all.push_back(elements, 1);
    std::vector<element> other_elements = elements;
    list other = all;
    other.remove(other_elements, 0);
    other.push_back(other_elements, 2);
    EXPECT_EQ(content(all, elements), (std::vector<std::uint32_t>{0, 1}));
    EXPECT_EQ(content(other, other_elements), (std::vector<std::uint32_t>{1, 2}));
}

}  // namespace
