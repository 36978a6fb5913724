// Lido: the database that a pool's connections share.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/sqlite/pool_settings.hpp"
#include "sql/sqlite/engine.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace lido::sqlite {

/// Opens connections, and keeps one itself from the first on: it makes the file and its log before readers need them,
/// it keeps a database in memory alive, and without it the last reader to close would write the log back each time. Its
/// functions block. Thread-safe.
class database {
public:
    explicit database(pool_settings settings);

    [[nodiscard]] result<std::shared_ptr<engine>> open(role as);

private:
    [[nodiscard]] engine_settings settings_of(role as) const;
    [[nodiscard]] result<void> keep_open();

    const pool_settings settings_;
    const bool in_memory_;
    const std::string uri_;
    std::mutex mutex_;
    std::shared_ptr<engine> keeper_;
};

/// A path as SQLite's URI; what has a meaning there is escaped.
[[nodiscard]] std::string uri_of(const std::string& file);

}  // namespace lido::sqlite
