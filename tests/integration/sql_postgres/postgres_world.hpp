// Lido: what tests of PostgreSQL share.
#pragma once

#include "lido/net/runtime.hpp"
#include "lido/sql/postgres/pool.hpp"
#include "support/becomes_true.hpp"
#include "support/on_tasks.hpp"
#include "support/postgres_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>

namespace lido::test {

[[nodiscard]] inline postgres::settings settings_for(std::string url, std::size_t max_size = 4) {
    postgres::settings made{.url = std::move(url)};
    made.pool.connections.max_size = max_size;
    return made;
}

/// One server for all tests of a process that need no special one.
[[nodiscard]] inline postgres_server& common_server() {
    static postgres_server only;
    return only;
}

/// A runtime and a pool over a server.
struct postgres_world {
    explicit postgres_world(std::size_t max_size = 4) : postgres_world(settings_for(common_server().url(), max_size)) {}
    explicit postgres_world(const postgres::settings& with) : db(io, with) {}

    template <class... Values>
    result<sql::rows> query(const sql::statement& what, Values&&... values) {
        return db.query(what, std::forward<Values>(values)...).wait();
    }

    runtime io;
    postgres::pool db;
};

}  // namespace lido::test
