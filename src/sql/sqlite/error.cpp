#include "sql/sqlite/error.hpp"

#include "lido/sql/error.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace lido::sqlite {
namespace {

using sql::make_error_code;

[[nodiscard]] bool contains(std::string_view text, std::string_view part) noexcept {
    return text.find(part) != std::string_view::npos;
}

[[nodiscard]] sql::errc errc_of_message(std::string_view message) noexcept {
    if (contains(message, "syntax error") || contains(message, "incomplete input") ||
        contains(message, "unrecognized token")) {
        return sql::errc::syntax_error;
    }
    if (contains(message, "no such ")) return sql::errc::no_such_object;
    return sql::errc::other;
}

[[nodiscard]] sql::errc errc_of_constraint(int extended) noexcept {
    switch (extended) {
        case SQLITE_CONSTRAINT_UNIQUE:
        case SQLITE_CONSTRAINT_PRIMARYKEY:
        case SQLITE_CONSTRAINT_ROWID:
            return sql::errc::unique_violation;
        case SQLITE_CONSTRAINT_FOREIGNKEY:
            return sql::errc::foreign_key_violation;
        case SQLITE_CONSTRAINT_NOTNULL:
            return sql::errc::not_null_violation;
        case SQLITE_CONSTRAINT_DATATYPE:
            return sql::errc::invalid_value;
        default:
            return sql::errc::check_violation;
    }
}

[[nodiscard]] bool is_full(int system_error) noexcept {
    return system_error == ENOSPC || system_error == EFBIG || system_error == EDQUOT;
}

std::string remedy_of(const std::error_code& code) {
    static const std::array<std::pair<sql::errc, const char*>, 5> remedies{{
        {sql::errc::lock_timeout, "another process holds the lock: end its transaction, or raise busy_timeout"},
        {sql::errc::disk_full, "make room on the disk, or raise the limits of the file's size"},
        {sql::errc::read_only, "send it to the writer, or open the file for writing"},
        {sql::errc::corrupt, "stop writing, keep a copy, and restore the file from a backup or with .recover"},
        {sql::errc::serialization_failure, "run the transaction again from its beginning"},
    }};
    for (const auto& [known, remedy] : remedies) {
        if (code == make_error_code(known)) return remedy;
    }
    return {};
}

std::string folder_of(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : file.substr(0, slash);
}

/// What the file system says about a file that could not be opened, and the remedy.
std::pair<std::string, std::string> look_at(const std::string& file, bool writes) {
    struct stat found {};
    const std::string folder = folder_of(file);
    if (::stat(folder.c_str(), &found) != 0) {
        return {fmt::format("the folder {}: {}", folder, std::strerror(errno)), "make the folder, or correct the path"};
    }
    if (::stat(file.c_str(), &found) != 0) {
        if (errno == ENOENT && !writes) return {"there is no such file", "correct the path, or open it with mode=rwc"};
        if (errno == ENOENT && ::access(folder.c_str(), W_OK) == 0) {
            return {"there is no such file", "correct the path, or open it with mode=rwc"};
        }
        if (errno == ENOENT)
            return {fmt::format("the folder {} cannot be written to", folder), "allow it for this user"};
        return {std::strerror(errno), "allow this user to reach the file"};
    }
    if (S_ISDIR(found.st_mode)) return {"it is a folder", "name a file in it"};
    if (::access(file.c_str(), writes ? R_OK | W_OK : R_OK) != 0) {
        return {std::strerror(errno), "allow it for this user, or open it with mode=ro"};
    }
    if (writes && ::access(folder.c_str(), W_OK) != 0) {
        return {fmt::format("the folder {} cannot be written to", folder),
                "SQLite keeps its log beside the file: allow writing there, or open it with mode=ro"};
    }
    return {};
}

}  // namespace

std::error_code code_of(int extended, std::string_view message, int system_error) noexcept {
    switch (extended & 0xff) {
        case SQLITE_CONSTRAINT:
            return errc_of_constraint(extended);
        case SQLITE_BUSY:
            return extended == SQLITE_BUSY_SNAPSHOT ? sql::errc::serialization_failure : sql::errc::lock_timeout;
        case SQLITE_LOCKED:
            return sql::errc::lock_timeout;
        case SQLITE_FULL:
            return sql::errc::disk_full;
        case SQLITE_IOERR:
            if (is_full(system_error)) return sql::errc::disk_full;
            return sql::errc::other;
        case SQLITE_READONLY:
            return sql::errc::read_only;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return sql::errc::corrupt;
        case SQLITE_INTERRUPT:
            return sql::errc::statement_cancelled;
        case SQLITE_AUTH:
        case SQLITE_PERM:
            return sql::errc::permission_denied;
        case SQLITE_MISMATCH:
            return sql::errc::invalid_value;
        case SQLITE_RANGE:
            return sql::errc::syntax_error;
        case SQLITE_TOOBIG:
        case SQLITE_NOMEM:
            return lido::errc::limit_exceeded;
        case SQLITE_CANTOPEN:
            return lido::errc::connect_failed;
        case SQLITE_ERROR:
            return errc_of_message(message);
        default:
            return sql::errc::other;
    }
}

error error_of(sqlite3* connection, int code, std::string_view doing) {
    const int last_error = errno;
    const std::string_view message = connection == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(connection);
    const int extended = connection == nullptr ? code : sqlite3_extended_errcode(connection);
    // SQLite does not keep the reason of every failed write; the thread does.
    int system_error = connection == nullptr ? 0 : sqlite3_system_errno(connection);
    if (system_error == 0) system_error = last_error;
    const std::error_code meaning =
        code_of((extended & 0xff) == (code & 0xff) ? extended : code, message, system_error);
    return {meaning, fmt::format("{}: {} (SQLite code {})", doing, message, extended), remedy_of(meaning)};
}

error open_error(sqlite3* connection, int code, const std::string& file, bool writes) {
    error reported = error_of(connection, code, fmt::format("open {}", file));
    const auto [reason, remedy] = look_at(file, writes);
    if (!reason.empty()) return {reported.code(), fmt::format("open {}: {}", file, reason), remedy};
    if ((code & 0xff) == SQLITE_NOTADB) {
        return {reported.code(), fmt::format("open {}: it is no SQLite database, or an encrypted one", file),
                "correct the path"};
    }
    return reported;
}

}  // namespace lido::sqlite
