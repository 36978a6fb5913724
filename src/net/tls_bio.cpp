#include "net/tls_bio.hpp"

#include <openssl/bio.h>

namespace lido::net::detail {
namespace {

bio_state& state_of(BIO* bio) noexcept {
    return *static_cast<bio_state*>(BIO_get_data(bio));
}

int write_to_socket(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept {
    BIO_clear_retry_flags(bio);
    bio_state& state = state_of(bio);
    const io_result sent = state.below->send({data, size});
    *written = sent.bytes;
    if (sent.status == io_status::done) return 1;
    if (sent.status == io_status::want_write) {
        BIO_set_retry_write(bio);
    } else {
        state.error = sent.error;
    }
    return 0;
}

int read_from_socket(BIO* bio, char* space, std::size_t size, std::size_t* got) noexcept {
    BIO_clear_retry_flags(bio);
    bio_state& state = state_of(bio);
    const io_result received = state.below->receive({space, size});
    *got = received.bytes;
    switch (received.status) {
        case io_status::done:
            return 1;
        case io_status::want_read:
            BIO_set_retry_read(bio);
            return 0;
        case io_status::end:
            state.ended = true;
            return 0;
        case io_status::want_write:
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
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lido socket");
    if (method == nullptr) return nullptr;
    BIO_meth_set_write_ex(method, write_to_socket);
    BIO_meth_set_read_ex(method, read_from_socket);
    BIO_meth_set_ctrl(method, control);
    return method;
}

}  // namespace

bio_st* make_socket_bio(bio_state& state) noexcept {
    static BIO_METHOD* const method = make_method();  // for the life of the process: BIOs refer to it
    BIO* bio = method != nullptr ? BIO_new(method) : nullptr;
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &state);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace lido::net::detail
