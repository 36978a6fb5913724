// Lido tests: settings that are out of range.
#pragma once

#include "lido/base/error.hpp"

#include <gtest/gtest.h>

namespace lido::test {

/// `table` holds pairs of settings and words: each of the settings is refused with an error that has these words (the
/// field and its value) and says what to do.
template <class Table>
void expect_each_refused(const Table& table) {
    for (const auto& [settings, words] : table) {
        const auto outcome = settings.validate();
        ASSERT_FALSE(outcome) << words;
        EXPECT_EQ(outcome.error(), errc::invalid_argument);
        EXPECT_NE(outcome.error().what().find(words), std::string::npos) << outcome.error().what();
        EXPECT_FALSE(outcome.error().remedy().empty()) << words;
    }
}

}  // namespace lido::test
