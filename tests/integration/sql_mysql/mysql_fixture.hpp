// Lido: a pool of connections to a real MariaDB, which all tests of a file share.
#pragma once

#include "lido/net/runtime.hpp"
#include "lido/sql/mysql/pool.hpp"
#include "support/mariadb_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lido::test {

/// Each test has a pool of its own on the server of all; the test's table is `outfit`, empty at its beginning.
class mysql_world : public testing::Test {
public:
    static void SetUpTestSuite() {
        server_ = std::make_unique<mariadb_server>(std::vector<std::string>{"--secure-file-priv=/tmp"});
    }
    static void TearDownTestSuite() { server_.reset(); }

    void SetUp() override {
        settings_.url = server().url();
        settings_.pool.connections.max_size = 4;
        settings_.pool.connections.name = "shop";
        ASSERT_TRUE(
            ask("create or replace table outfit (id bigint primary key auto_increment, name varchar(200), size int)"));
        pool_.reset();  // the test's own comes with the test's settings
    }
    void TearDown() override { pool_.reset(); }

protected:
    [[nodiscard]] static mariadb_server& server() { return *server_; }
    /// The test's pool, made when first needed with `settings_`.
    [[nodiscard]] mysql::pool& pool() {
        if (!pool_) pool_.emplace(io_, settings_);
        return *pool_;
    }
    template <class... Values>
    [[nodiscard]] result<sql::rows> ask(sql::statement what, Values&&... values) {
        return pool().query(std::move(what), std::forward<Values>(values)...).wait();
    }
    [[nodiscard]] std::int64_t count_rows() {
        return ask("select count(*) from outfit").value()[0][0].as<std::int64_t>().value();
    }
    /// Connections at the server, this question's aside.
    [[nodiscard]] std::int64_t connections_at_server() {
        if (!counting_) {
            mysql::pool_settings own = settings_;
            own.pool.connections.max_size = 1;
            counting_.emplace(io_, own);
        }
        return counting_
            ->query(
                "select count(*) from information_schema.processlist where user = 'tester' and id <> connection_id()")
            .wait()
            .value()[0][0]
            .as<std::int64_t>()
            .value();
    }

    runtime io_;
    mysql::pool_settings settings_;
    std::optional<mysql::pool> pool_;
    std::optional<mysql::pool> counting_;

private:
    static inline std::unique_ptr<mariadb_server> server_;
};

}  // namespace lido::test
