#include "net/tls_bio.hpp"

#include "lido/net/tls.hpp"

#include <openssl/bio.h>

namespace lido::net::detail {
namespace {

bio_state& state_of(BIO* bio) noexcept {
    return *static_cast<bio_state*>(BIO_get_data(bio));
}

/// Not being able to go on may mean to have to wait for either: TLS below reads before it writes, and the reverse.
void set_retry(BIO* bio, io_status wanted) noexcept {
    if (wanted == io_status::want_read) {
        BIO_set_retry_read(bio);
    } else {
        BIO_set_retry_write(bio);
    }
}

int write_below(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept {
    BIO_clear_retry_flags(bio);
    bio_state& state = state_of(bio);
    const std::span<const char> bytes(data, size);
    const io_result sent = state.through != nullptr ? state.through->write_some(bytes) : state.below->send(bytes);
    *written = sent.bytes;
    if (sent.status == io_status::done) return 1;
    if (sent.status == io_status::want_write || sent.status == io_status::want_read) {
        set_retry(bio, sent.status);
    } else {
        state.error = sent.error;
    }
    return 0;
}

int read_below(BIO* bio, char* space, std::size_t size, std::size_t* got) noexcept {
    BIO_clear_retry_flags(bio);
    bio_state& state = state_of(bio);
    const std::span<char> free(space, size);
    const io_result received = state.through != nullptr ? state.through->read_some(free) : state.below->receive(free);
    *got = received.bytes;
    switch (received.status) {
        case io_status::done:
            return 1;
        case io_status::want_read:
        case io_status::want_write:
            set_retry(bio, received.status);
            return 0;
        case io_status::end:
            state.ended = true;
            return 0;
        case io_status::failed:
            break;
    }
    state.error = received.error;
    return 0;
}

long control(BIO* bio, int command, long, void*) noexcept {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return state_of(bio).ended ? 1 : 0;
    return 0;
}

BIO_METHOD* make_method() noexcept {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lido");
    if (method == nullptr) return nullptr;
    BIO_meth_set_write_ex(method, write_below);
    BIO_meth_set_read_ex(method, read_below);
    BIO_meth_set_ctrl(method, control);
    return method;
}

}  // namespace

bio_st* make_bio(bio_state& state) noexcept {
    static BIO_METHOD* const method = make_method();  // for the life of the process: BIOs refer to it
    BIO* bio = method != nullptr ? BIO_new(method) : nullptr;
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &state);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace lido::net::detail
