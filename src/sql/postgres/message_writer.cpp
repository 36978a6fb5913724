#include "sql/postgres/message_writer.hpp"

#include "lido/base/assert.hpp"
#include "sql/postgres/big_endian.hpp"

namespace lido::postgres {

/// A message that is being written: its length is known at its end.
class message_writer::one {
public:
    one(std::string& to, char type) : to_(to) {
        to_.push_back(type);
        begin_ = to_.size();
        append_number32(to_, 0);
    }
    one(const one&) = delete;
    one& operator=(const one&) = delete;
    ~one() {
        const std::size_t size = to_.size() - begin_;
        LIDO_ASSERT(size <= most_message_bytes + 1024);  // and with a few bytes around what was counted
        put_number32(to_, begin_, static_cast<std::uint32_t>(size));
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
    append_number16(to_, 0);
}

void message_writer::bind(std::string_view name, const text_parameters& with) {
    one made(to_, 'B');
    made.text({});
    made.text(name);
    to_.append(with.encoded());
    append_number16(to_, 0);  // all columns as text
}

void message_writer::describe() {
    one made(to_, 'D');
    to_.push_back('P');
    made.text({});
}

void message_writer::execute() {
    one made(to_, 'E');
    made.text({});
    append_number32(to_, 0);
}

void message_writer::close_statement(std::string_view name) {
    one made(to_, 'C');
    to_.push_back('S');
    made.text(name);
}

void message_writer::sync() {
    const one made(to_, 'S');
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
