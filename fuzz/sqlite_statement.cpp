// Any bytes as a statement for SQLite: what Lido takes it for by its first words against what SQLite itself says, asked
// by its authorizer, which is told of everything that a statement would do while it is prepared. Nothing is ever run.
#include "lido/base/assert.hpp"
#include "sql/keyword.hpp"
#include "sql/postgres/statement_kind.hpp"
#include "sql/sqlite/keyword.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace {

using namespace lido::sqlite;
using lido::sql::ends_transaction;
using lido::sql::first_keyword;
using lido::sql::transaction_end;

/// What SQLite says that a statement would do to a transaction.
struct heard {
    bool commits = false;
    bool rolls_back = false;
};

int authorize(void* context, int action, const char* first, const char*, const char*, const char*) {
    auto& into = *static_cast<heard*>(context);
    if (action == SQLITE_TRANSACTION) {
        into.commits = into.commits || std::strcmp(first, "COMMIT") == 0;
        into.rolls_back = into.rolls_back || std::strcmp(first, "ROLLBACK") == 0;
        return SQLITE_OK;
    }
    // No file is opened, attached or written while something is prepared.
    return action == SQLITE_ATTACH || action == SQLITE_DETACH || action == SQLITE_PRAGMA ? SQLITE_DENY : SQLITE_OK;
}

sqlite3* database() {
    static sqlite3* const only = [] {
        sqlite3* made = nullptr;
        LIDO_ASSERT(sqlite3_open(":memory:", &made) == SQLITE_OK);
        LIDO_ASSERT(sqlite3_exec(made, "create table a (b)", nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_limit(made, SQLITE_LIMIT_SQL_LENGTH, 4096);
        return made;
    }();
    return only;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::string keyword = first_keyword(text);
    LIDO_ASSERT(keyword.size() <= 16);
    for (const char each : keyword) LIDO_ASSERT(each >= 'A' && each <= 'Z');
    const transaction_end end = ends_transaction(text);
    LIDO_ASSERT(!looks_like_reading(text) || end == transaction_end::none);
    LIDO_ASSERT(end == transaction_end::none || !lido::postgres::may_share_connection(text));
    if (text.find('\0') != std::string::npos) return 0;

    heard said;
    sqlite3_set_authorizer(database(), authorize, &said);
    sqlite3_stmt* prepared = nullptr;
    const char* tail = nullptr;
    const int outcome = sqlite3_prepare_v2(database(), text.c_str(), static_cast<int>(size + 1), &prepared, &tail);
    const bool explains = prepared != nullptr && sqlite3_stmt_isexplain(prepared) != 0;
    // A text of several statements is refused before it is run.
    const bool is_one = prepared != nullptr && lido::sql::without_gap(tail).empty();
    sqlite3_finalize(prepared);
    if (outcome != SQLITE_OK || !is_one || explains) return 0;
    LIDO_ASSERT(said.commits == (end == transaction_end::commit));
    LIDO_ASSERT(said.rolls_back == (end == transaction_end::rollback));
    return 0;
}
