// Lido: one table of what a client accepts of a TLS server, and what it refuses.
#pragma once

#include "lido/net/tls.hpp"
#include "support/made_certificate.hpp"
#include "support/temporary_directory.hpp"

#include <openssl/ssl.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lido::test {

using extensions = std::vector<std::pair<std::string, std::string>>;

inline const std::pair<std::string, std::string> is_ca{"basicConstraints", "critical,CA:TRUE"};
inline const std::pair<std::string, std::string> is_no_ca{"basicConstraints", "CA:FALSE"};

/// Somebody who signs, and somebody who is signed.
[[nodiscard]] certificate_plan authority(const std::string& name, extensions more = {});
[[nodiscard]] certificate_plan leaf(const std::string& names = "DNS:shop.example", extensions more = {});

/// Those who sign. Made once: keys take time.
struct authorities {
    made_certificate root{authority("Root")};
    made_certificate other{authority("Other")};
    made_certificate first{authority("First"), root};
    made_certificate second{authority("Second"), first};
};
[[nodiscard]] const authorities& signers();

/// One handshake: what the server shows and does, and what the client asks for.
struct scene {
    std::vector<made_certificate> chain;  ///< the server's own first
    std::string host = "shop.example";
    net::tls_settings client{};
    std::vector<made_certificate> trusted{signers().root};
    std::optional<made_certificate> own{};  ///< the client's
    int lowest = TLS1_VERSION;
    int highest = TLS1_3_VERSION;
    bool demands_certificate = false;
    std::string protocols{};  ///< of ALPN, as they go over the wire; empty: the server knows no ALPN
    std::function<void(int descriptor)> instead{};

    scene& shows(const certificate_plan& plan, const made_certificate& by = signers().root) {
        chain.clear();
        chain.emplace_back(plan, by);
        return *this;
    }
    scene& also(const made_certificate& further) {
        chain.push_back(further);
        return *this;
    }
};

struct row {
    const char* what;
    std::function<void(scene&)> setting;
    bool accepted;
    const char* word = "";  ///< of a refusal
};

/// Nothing when the client accepts and reads what the server says; else why not.
[[nodiscard]] std::optional<error> shake(const scene& s, const temporary_directory& folder);

/// The table, in its four parts.
[[nodiscard]] std::vector<row> names();
[[nodiscard]] std::vector<row> chains();
[[nodiscard]] std::vector<row> contents();
[[nodiscard]] std::vector<row> protocols();

}  // namespace lido::test
