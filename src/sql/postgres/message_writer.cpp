#include "sql/postgres/message_writer.hpp"

#include "lido/base/assert.hpp"
#include "sql/postgres/big_endian.hpp"

namespace lido::postgres {
namespace {

using namespace std::string_view_literals;

// Messages that are always the same, with their length.
constexpr std::string_view describe_portal = "D\0\0\0\x06P\0"sv;
constexpr std::string_view execute_portal = "E\0\0\0\x09\0\0\0\0\0"sv;
constexpr std::string_view whole_sync = "S\0\0\0\x04"sv;
constexpr std::string_view execute_portal_and_sync = "E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04"sv;

}  // namespace

/// A message that is being written: its length is known at its end.
class message_writer::one {
public:
    one(std::string& to, char type) : to_(to) {
        to_.push_back(type);
        begin_ = to_.size();
        to_.append(4, '\0');
    }
    one(const one&) = delete;
    one& operator=(const one&) = delete;
    ~one() {
        const std::size_t size = to_.size() - begin_;
        LIDO_ASSERT(size <= most_message_bytes + 1024);  // and with a few bytes around what was counted
        put_number32(to_.data() + begin_, static_cast<std::uint32_t>(size));
    }
    void text(std::string_view of) {
        to_.append(of);
        to_.push_back('\0');
    }

private:
    std::string& to_;
    std::size_t begin_ = 0;
};

void message_writer::parse(std::string_view name, std::string_view text) {
    one made(to_, 'P');
    made.text(name);
    made.text(text);
    to_.append(2, '\0');  // no types
}

void message_writer::bind(std::string_view name, const text_parameters& with) {
    const std::string_view values = with.encoded();
    // The length with itself, the nameless portal, the name, the values, and that all columns are wanted as text.
    const std::size_t size = 4 + 1 + name.size() + 1 + values.size() + 2;
    LIDO_ASSERT(size <= most_message_bytes + 1024);
    char* at = grow(to_, 1 + size);
    *at++ = 'B';
    at = put_number32(at, static_cast<std::uint32_t>(size));
    *at++ = '\0';
    at = put_text(at, name);
    *at++ = '\0';
    at = put_text(at, values);
    put_number16(at, 0);
}

void message_writer::describe() {
    to_.append(describe_portal);
}

void message_writer::execute() {
    to_.append(execute_portal);
}

void message_writer::execute_and_sync() {
    to_.append(execute_portal_and_sync);
}

void message_writer::close_statement(std::string_view name) {
    one made(to_, 'C');
    to_.push_back('S');
    made.text(name);
}

void message_writer::sync() {
    to_.append(whole_sync);
}

void message_writer::query(std::string_view text) {
    one made(to_, 'Q');
    made.text(text);
}

void message_writer::copy_data(std::string_view piece) {
    const one made(to_, 'd');
    to_.append(piece);
}

void message_writer::copy_done() {
    const one made(to_, 'c');
}

}  // namespace lido::postgres
