// Lido: an HTTP server that misbehaves as a test tells it to.
#pragma once

#include "lido/base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lido::test {

/// A request as it came.
struct arrival {
    std::size_t connection = 0;     ///< from 1, in the order of accepting
    std::size_t on_connection = 0;  ///< from 1: which request of its connection
    std::size_t number = 0;         ///< from 1: which request of the server
    std::string method;
    std::string target;
    std::string head;
    std::string body;      ///< without the framing of chunks, which may come as well
    std::string trailers;  ///< of a body in chunks: their lines
    std::string nonce;     ///< the value of the field X-Nonce, or empty
};

/// What becomes of a connection after an answer.
enum class afterwards : std::uint8_t {
    keep,   ///< the next request is read
    fin,    ///< closed in order
    rst,    ///< reset
    stall,  ///< kept open and never looked at again
};

/// What the server does about a request, or about a new connection.
struct reaction {
    static constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();

    std::string bytes;                      ///< what is sent
    afterwards then = afterwards::keep;     ///< what follows
    std::size_t cut_at = everything;        ///< only so many of `bytes` are sent before `then`
    std::chrono::milliseconds delay{0};     ///< before anything is sent
    std::chrono::milliseconds per_byte{0};  ///< bytes are sent one by one, with this pause after each
    std::string unasked = {};               ///< sent later, while the connection is idle
    std::chrono::milliseconds unasked_after{0};
};

/// How a server behaves. Runs on the server's thread.
struct server_script {
    std::function<reaction(const arrival&)> on_request;
    /// What is done with a connection when it comes; nothing: its requests are read.
    std::function<reaction(std::size_t connection)> on_connection = {};
    /// Answers as soon as the head is there, and never reads the body.
    bool answer_before_body = false;
    /// What is sent as soon as the head is there, before the body is read: an interim response that keeps the
    /// connection, after which the request takes its course, or anything else, after which its body is never read.
    /// Empty bytes that keep it: nothing.
    std::function<reaction(const arrival&)> on_head = {};
    /// Never accepts: connections stay in the kernel's queue.
    bool accepts = true;
};

/// "HTTP/1.1 200 OK" with that body, and further header lines, each with its line end.
[[nodiscard]] std::string response_text(std::string_view body, int status = 200, std::string_view more_headers = {});
/// A server that answers every request with its nonce, or its target when there is none, as the body.
[[nodiscard]] server_script echo_script();

/// A raw socket server on 127.0.0.1, or another loopback address, with a thread of its own. All counts may be asked
/// from any thread.
class scripted_server {
public:
    explicit scripted_server(server_script script);
    /// On this address and port, which must be free.
    scripted_server(server_script script, std::string host, std::uint16_t port);
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;
    ~scripted_server();

    [[nodiscard]] std::uint16_t port() const noexcept;
    /// "http://127.0.0.1:20000".
    [[nodiscard]] std::string url() const;

    /// Stops listening and resets all connections; a connect is refused from then on.
    void go_down();
    /// Listens again, on the same port.
    void come_back();
    /// Changes what is done from the next request on.
    void behave(server_script script);

    [[nodiscard]] std::size_t accepted() const;     ///< connections, ever
    [[nodiscard]] std::size_t connections() const;  ///< now; whose end was not noticed yet counts
    [[nodiscard]] std::size_t peak() const;         ///< most at once
    [[nodiscard]] std::size_t requests() const;     ///< complete ones
    /// How often each nonce came.
    [[nodiscard]] std::map<std::string, std::size_t> nonces() const;
    /// When each request came.
    [[nodiscard]] std::vector<time_point> times() const;
    /// Blocks until `condition()` holds; it is asked after each event of the server. False after `patience`.
    [[nodiscard]] bool wait_until(const std::function<bool()>& condition,
                                  std::chrono::milliseconds patience = std::chrono::seconds(20)) const;

    class implementation;

private:
    std::unique_ptr<implementation> self_;
};

}  // namespace lido::test
