// Lido: the database that a pool's connections share.
#pragma once

#include "lido/base/result.hpp"
#include "lido/sql/sqlite/pool_settings.hpp"
#include "sql/sqlite/engine.hpp"

#include <atomic>
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
    database(const database&) = delete;
    database& operator=(const database&) = delete;
    ~database();

    [[nodiscard]] result<std::shared_ptr<engine>> open(role as);

private:
    [[nodiscard]] engine_settings settings_of(role as) const;
    [[nodiscard]] result<void> keep_open();

    const pool_settings settings_;
    const bool in_memory_;
    const std::string uri_;
    const std::shared_ptr<brief_pause> pause_ = std::make_shared<brief_pause>();
    const std::shared_ptr<turn_locks> locks_ = std::make_shared<turn_locks>();
    std::mutex mutex_;
    std::shared_ptr<engine> keeper_;
    std::atomic<bool> may_hang_{true};  // until the file system is known
};

/// A path as SQLite's URI; what has a meaning there is escaped.
[[nodiscard]] std::string uri_of(const std::string& file);

}  // namespace lido::sqlite
