// Lido: a SQLite database in a folder of its own, and pools of it.
#pragma once

#include "lido/net/runtime.hpp"
#include "lido/sql/sqlite/pool.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace lido::test {

class sqlite_world : public testing::Test {
protected:
    [[nodiscard]] std::string file() const { return (folder.path() / "test.db").string(); }
    [[nodiscard]] sqlite::pool_settings settings() const {
        sqlite::pool_settings made;
        made.file = file();
        made.busy_timeout = std::chrono::seconds(20);
        return made;
    }
    [[nodiscard]] static std::int64_t number(operation<sql::rows> of) {
        return std::move(of).wait().value()[0][0].as<std::int64_t>().value();
    }

    /// Fails the test by an exception when the statement fails.
    static void run(operation<sql::rows> of) { static_cast<void>(std::move(of).wait().value()); }

    temporary_directory folder;
    runtime io;
};

}  // namespace lido::test
