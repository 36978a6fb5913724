#include "lido/sql/error.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace lido::sql {
namespace {

struct known_error {
    errc value;
    std::string_view name;
    std::string_view message;
};

constexpr std::array<known_error, 20> known_errors{{
    {errc::unique_violation, "unique_violation", "a row with that key exists already"},
    {errc::foreign_key_violation, "foreign_key_violation", "the row's reference does not hold"},
    {errc::not_null_violation, "not_null_violation", "a required column has no value"},
    {errc::check_violation, "check_violation", "a constraint refuses the row"},
    {errc::syntax_error, "syntax_error", "the statement cannot be understood"},
    {errc::no_such_object, "no_such_object", "a table, column or other object does not exist"},
    {errc::permission_denied, "permission_denied", "the user may not do that"},
    {errc::authentication_failed, "authentication_failed", "user or password are wrong"},
    {errc::too_many_connections, "too_many_connections", "the server takes no more connections"},
    {errc::read_only, "read_only", "writing is not possible here"},
    {errc::serialization_failure, "serialization_failure", "the transaction conflicts with another: run it again"},
    {errc::deadlock, "deadlock", "the transaction was ended to resolve a deadlock: run it again"},
    {errc::lock_timeout, "lock_timeout", "another transaction held a lock for too long"},
    {errc::statement_cancelled, "statement_cancelled", "the statement was cancelled at the server"},
    {errc::transaction_failed, "transaction_failed", "the transaction has failed before: only a rollback is possible"},
    {errc::invalid_value, "invalid_value", "a value does not fit"},
    {errc::disk_full, "disk_full", "the database has no room left"},
    {errc::shutting_down, "shutting_down", "the server is stopping or starting"},
    {errc::corrupt, "corrupt", "the database is damaged"},
    {errc::other, "other", "the database refused"},
}};

const known_error& entry_of(errc value) noexcept {
    const auto found = std::find_if(known_errors.begin(), known_errors.end(),
                                    [value](const known_error& each) { return each.value == value; });
    return found == known_errors.end() ? known_errors.back() : *found;
}

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "lido.sql"; }
    [[nodiscard]] std::string message(int value) const override {
        return std::string(entry_of(static_cast<errc>(value)).message);
    }
};

/// SQLSTATE, whole or its first two characters, and what it means. The first that fits counts.
constexpr std::array<std::pair<std::string_view, errc>, 37> states{{
    {"23505", errc::unique_violation},
    {"23503", errc::foreign_key_violation},
    {"23502", errc::not_null_violation},
    {"23", errc::check_violation},
    {"25006", errc::read_only},
    {"25P02", errc::transaction_failed},
    {"25P03", errc::shutting_down},
    {"40001", errc::serialization_failure},
    {"40003", errc::other},  // see is_outcome_unknown: to run it again may do it twice
    {"40P01", errc::deadlock},
    {"40", errc::serialization_failure},
    {"42501", errc::permission_denied},
    {"42601", errc::syntax_error},
    {"42P01", errc::no_such_object},
    {"42703", errc::no_such_object},
    {"42883", errc::no_such_object},
    {"42P02", errc::syntax_error},
    {"42704", errc::no_such_object},
    {"42", errc::syntax_error},
    {"3D000", errc::no_such_object},
    {"3F000", errc::no_such_object},
    {"28", errc::authentication_failed},
    {"22", errc::invalid_value},
    {"53100", errc::disk_full},
    {"53300", errc::too_many_connections},
    {"55P03", errc::lock_timeout},
    {"57014", errc::statement_cancelled},
    {"57P01", errc::shutting_down},
    {"57P02", errc::shutting_down},
    {"57P03", errc::shutting_down},
    {"57P04", errc::no_such_object},
    {"57P05", errc::shutting_down},
    {"08004", errc::too_many_connections},
    {"08P01", errc::syntax_error},
    {"26", errc::no_such_object},
    {"XX001", errc::corrupt},
    {"XX002", errc::corrupt},
}};

}  // namespace

const std::error_category& error_category() noexcept {
    static const category only;
    return only;
}

std::error_code make_error_code(errc value) noexcept {
    return {static_cast<int>(value), error_category()};
}

std::string_view name_of(errc value) noexcept {
    return entry_of(value).name;
}

errc errc_of_sqlstate(std::string_view state) noexcept {
    const auto found =
        std::find_if(states.begin(), states.end(), [state](const auto& each) { return state.starts_with(each.first); });
    return found == states.end() ? errc::other : found->second;
}

bool is_outcome_unknown(std::string_view state) noexcept {
    return state == "40003" || state == "08007";
}

bool is_transient(const error& failure) noexcept {
    return failure == errc::serialization_failure || failure == errc::deadlock;
}

}  // namespace lido::sql
