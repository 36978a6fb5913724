#include "sql/mysql/parameter_binding.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <variant>

namespace lido::mysql {

namespace {

/// libmariadb never writes to what a parameter points to, but its struct serves results as well.
template <class T>
void* writable(const T* value) noexcept {
    return const_cast<void*>(static_cast<const void*>(value));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

}  // namespace

void parameter_binding::bind_text(MYSQL_BIND& to, std::string_view text, enum_field_types type) noexcept {
    to.buffer_type = type;
    to.buffer = writable(text.data());
    to.buffer_length = text.size();
}

void parameter_binding::bind_made_text(MYSQL_BIND& to, std::string text) {
    texts_.push_back(std::move(text));
    bind_text(to, texts_.back(), MYSQL_TYPE_STRING);
}

result<void> parameter_binding::set(const sql::parameters& from) {
    binds_.assign(from.size(), MYSQL_BIND{});
    for (std::size_t i = 0; i < from.size(); ++i) {
        MYSQL_BIND& to = binds_[i];
        const auto& held = from[i].get();
        if (std::holds_alternative<sql::null_value>(held)) {
            to.buffer_type = MYSQL_TYPE_NULL;
        } else if (const bool* const boolean = std::get_if<bool>(&held)) {
            booleans_.push_back(*boolean ? 1 : 0);
            to.buffer_type = MYSQL_TYPE_TINY;
            to.buffer = &booleans_.back();
        } else if (const auto* const integer = std::get_if<std::int64_t>(&held)) {
            to.buffer_type = MYSQL_TYPE_LONGLONG;
            to.buffer = writable(integer);
        } else if (const double* const real = std::get_if<double>(&held)) {
            to.buffer_type = MYSQL_TYPE_DOUBLE;
            to.buffer = writable(real);
        } else if (const auto* const text = std::get_if<std::string>(&held)) {
            bind_text(to, *text, MYSQL_TYPE_STRING);
        } else if (const auto* const raw = std::get_if<sql::bytes>(&held)) {
            to.buffer_type = MYSQL_TYPE_BLOB;
            to.buffer = writable(raw->data());
            to.buffer_length = raw->size();
        } else if (const auto* const when = std::get_if<sql::timestamp>(&held)) {
            std::string written = sql::to_text(*when);
            written.resize(written.size() - 3);  // the servers take no offset; the session's time zone is UTC
            bind_made_text(to, std::move(written));
        } else if (const auto* const unique = std::get_if<sql::uuid>(&held)) {
            bind_made_text(to, unique->to_text());
        } else if (const auto* const document = std::get_if<sql::json>(&held)) {
            bind_text(to, document->text, MYSQL_TYPE_STRING);
        } else {
            return error(lido::errc::invalid_argument, fmt::format("parameter {} is an array", i + 1),
                         "MySQL and MariaDB have no arrays: use JSON, or a placeholder for each element");
        }
    }
    return {};
}

}  // namespace lido::mysql
