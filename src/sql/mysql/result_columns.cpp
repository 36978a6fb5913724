#include "sql/mysql/result_columns.hpp"

#include <fmt/format.h>

namespace lido::mysql {
namespace {

/// The number of the character set "binary": what distinguishes bytes from text.
constexpr unsigned binary_character_set = 63;

}  // namespace

result_columns::kind result_columns::kind_of(const MYSQL_FIELD& field) noexcept {
    switch (field.type) {
        case MYSQL_TYPE_TINY:
        case MYSQL_TYPE_SHORT:
        case MYSQL_TYPE_INT24:
        case MYSQL_TYPE_LONG:
        case MYSQL_TYPE_YEAR:
            return kind::integer;
        case MYSQL_TYPE_LONGLONG:
            return (field.flags & UNSIGNED_FLAG) != 0 ? kind::unsigned_integer : kind::integer;
        case MYSQL_TYPE_FLOAT:
        case MYSQL_TYPE_DOUBLE:
            return kind::real;
        case MYSQL_TYPE_BIT:
            return kind::bytes;
        case MYSQL_TYPE_TINY_BLOB:
        case MYSQL_TYPE_MEDIUM_BLOB:
        case MYSQL_TYPE_LONG_BLOB:
        case MYSQL_TYPE_BLOB:
        case MYSQL_TYPE_VAR_STRING:
        case MYSQL_TYPE_STRING:
        case MYSQL_TYPE_VARCHAR:
        case MYSQL_TYPE_GEOMETRY:
            return field.charsetnr == binary_character_set ? kind::bytes : kind::text;
        default:
            return kind::text;  // decimals, dates and times, as the server writes them
    }
}

bool result_columns::bind(MYSQL_STMT* statement) {
    const unsigned count = mysql_stmt_field_count(statement);
    const MYSQL_FIELD* const fields = mariadb_stmt_fetch_fields(statement);
    if (fields == nullptr) return false;
    columns_.assign(count, column{});
    binds_.assign(count, MYSQL_BIND{});
    for (unsigned i = 0; i < count; ++i) {
        column& to = columns_[i];
        to.name.assign(fields[i].name, fields[i].name_length);
        to.what = kind_of(fields[i]);
        MYSQL_BIND& how = binds_[i];
        how.is_null = &to.is_null;
        how.length = &to.size;
        how.error = &to.is_cut;
        switch (to.what) {
            case kind::integer:
            case kind::unsigned_integer:
                how.buffer_type = MYSQL_TYPE_LONGLONG;
                how.buffer = &to.integer;
                how.buffer_length = sizeof to.integer;
                how.is_unsigned = to.what == kind::unsigned_integer ? 1 : 0;
                break;
            case kind::real:
                how.buffer_type = MYSQL_TYPE_DOUBLE;
                how.buffer = &to.real;
                how.buffer_length = sizeof to.real;
                break;
            case kind::text:
                // Nothing is copied at first: the size comes with the row, and then its text is asked for.
                how.buffer_type = MYSQL_TYPE_STRING;
                break;
            case kind::bytes:
                how.buffer_type = MYSQL_TYPE_BLOB;
                break;
        }
    }
    return mysql_stmt_bind_result(statement, binds_.data()) == 0;
}

void result_columns::add_names(sql::rows& to) const {
    for (const column& each : columns_) to.add_column(each.name);
}

bool result_columns::append(MYSQL_STMT* statement, sql::rows& to) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        const column& from = columns_[i];
        if (from.is_null != 0) {
            to.add_null();
        } else if (from.what == kind::real) {
            to.add(from.real);
        } else if (from.what == kind::integer || (from.what == kind::unsigned_integer && from.integer >= 0)) {
            to.add(from.integer);
        } else if (from.what == kind::unsigned_integer) {
            to.add_text(fmt::format("{}", static_cast<std::uint64_t>(from.integer)));
        } else if (!append_text(statement, i, to)) {
            return false;
        }
    }
    return true;
}

bool result_columns::append_text(MYSQL_STMT* statement, std::size_t number, sql::rows& to) {
    const column& from = columns_[number];
    buffer_.resize(from.size);
    if (from.size > 0) {
        MYSQL_BIND how{};
        unsigned long size = 0;
        my_bool is_null = 0;
        my_bool is_cut = 0;
        how.buffer_type = binds_[number].buffer_type;
        how.buffer = buffer_.data();
        how.buffer_length = buffer_.size();
        how.length = &size;
        how.is_null = &is_null;
        how.error = &is_cut;
        if (mysql_stmt_fetch_column(statement, &how, static_cast<unsigned>(number), 0) != 0) return false;
    }
    if (from.what == kind::bytes) {
        to.add_bytes(buffer_);
    } else {
        to.add_text(buffer_);
    }
    return true;
}

}  // namespace lido::mysql
