// Lido: the messages that PostgreSQL is sent.
#pragma once

#include "sql/postgres/text_parameters.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace lido::postgres {

/// The server takes no message that is larger. Whoever writes has made sure that it is not.
constexpr std::size_t most_message_bytes = 0x3fff'ff00;

/// Appends messages of protocol 3.0 to a text. Texts and names have no zero byte. Results are asked for as text. No
/// I/O.
class message_writer {
public:
    explicit message_writer(std::string& to) noexcept : to_(to) {}

    /// `name` empty: the nameless statement. The types of its parameters are left to the server.
    void parse(std::string_view name, std::string_view text);
    /// To the nameless portal.
    void bind(std::string_view name, const text_parameters& with);
    /// Of the nameless portal.
    void describe();
    /// The nameless portal, to its end.
    void execute();
    void execute_and_sync();
    /// The server drops a statement; it does not mind when there is none of that name.
    void close_statement(std::string_view name);
    void sync();
    /// A statement in the simple protocol.
    void query(std::string_view text);
    void copy_data(std::string_view piece);
    void copy_done();

private:
    class one;
    std::string& to_;
};

}  // namespace lido::postgres
