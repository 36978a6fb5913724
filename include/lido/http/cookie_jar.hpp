// Lido: cookies that servers set and get back.
#pragma once

#include "lido/base/result.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lido::http {

/// How much a `cookie_jar` holds, and how much of it goes along with a request.
struct cookie_jar_settings {
    /// Cookies in all, and of one host; the one unused longest makes room. 1 … 100,000.
    std::size_t max_cookies = 3'000;
    std::size_t max_cookies_per_host = 180;
    /// Name, value and attributes of one; a larger one is not kept. 64 … 65,536.
    std::size_t max_cookie_bytes = 4'096;
    /// Bytes and cookies of a Cookie field. Servers refuse requests whose head is larger than a few KiB, so that a host
    /// could lock a user out by its cookies. What comes first by RFC 6265 §5.4 (longer paths, then older cookies) is
    /// sent; the first that does not fit, and all behind it, is left out. `max_cookie_bytes` … 1 MiB; 1 … 100,000.
    std::size_t max_field_bytes = 8'190;
    std::size_t max_field_cookies = 150;

    /// Says whether a domain (lower case, without a dot at its end: "co.uk") belongs to nobody in particular, as the
    /// public suffix list does. Without it a cookie goes back to the host that has set it, and to no other: the
    /// attribute Domain is taken for what it is only with somebody to ask. Must be safe to call from any thread.
    std::function<bool(std::string_view domain)> is_public_suffix;

    /// Errors: `invalid_argument` that names the first field out of range, its value and the range.
    [[nodiscard]] result<void> validate() const;
};

/// The cookies of one user (RFC 6265), in memory. Give it to clients by `client_settings::cookies`: a client without
/// one neither keeps nor sends any. Whoever has several users gives each of them a client, or a jar and its own
/// requests.
///
/// Kept and obeyed: Domain, Path, Secure, Expires, Max-Age, HttpOnly (there is no script that it could be hidden from),
/// and the prefixes `__Host-` and `__Secure-`. A cookie without Domain goes to its own host only; an address has no
/// parents; plain http can neither set nor overwrite a Secure cookie. Thread-safe.
class cookie_jar {
public:
    using wall_time = std::chrono::system_clock::time_point;

    /// Throws `lido::exception` naming the setting when `settings` are invalid.
    explicit cookie_jar(cookie_jar_settings settings = {});
    cookie_jar(const cookie_jar&) = delete;
    cookie_jar& operator=(const cookie_jar&) = delete;
    ~cookie_jar();

    /// What a response from `url` says in a Set-Cookie. False: it was refused, or takes a cookie away.
    bool set(std::string_view url, std::string_view set_cookie, wall_time now);
    /// The value of the Cookie field for a request to `url`, within the bounds of the settings; empty: none.
    [[nodiscard]] std::string field_for(std::string_view url, wall_time now);

    [[nodiscard]] std::size_t size() const;
    void clear();

    class implementation;

private:
    std::unique_ptr<implementation> self_;
};

}  // namespace lido::http
