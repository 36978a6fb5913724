// Any bytes as the URL of a database, and as one of each kind. What is taken is the same when it is printed and read
// again, but for what may be secret, which is in no text; and the parameters of a connection are those of the URL.
#include "lido/sql/database_url.hpp"

#include "lido/base/assert.hpp"
#include "lido/sql/sqlite/pool_settings.hpp"
#include "sql/mysql/place.hpp"
#include "sql/postgres/connect_parameters.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lido::sql;

/// Long enough that it is nowhere by chance.
constexpr std::string_view hidden = "hUnTeR2-hunter2";

void check_text(std::string_view text) {
    LIDO_ASSERT(std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
}

void check_printed(const database_url& url) {
    const std::string text = url.to_text();
    check_text(text);
    const auto again = database_url::parse(text);
    LIDO_ASSERT(again.has_value());
    LIDO_ASSERT(again->kind == url.kind && again->user == url.user && again->password.empty());
    LIDO_ASSERT(again->places == url.places && again->database == url.database);
    for (const auto& option : again->options) {
        LIDO_ASSERT(std::find(url.options.begin(), url.options.end(), option) != url.options.end());
    }
    LIDO_ASSERT(again->to_text() == text);
}

void check_postgres(const std::string& text, const database_url& url) {
    lido::postgres::settings settings;
    settings.url = text;
    const auto to = lido::postgres::read_target(settings);
    if (!to) return;
    LIDO_ASSERT(to->user == url.user && to->database == url.database && to->password == url.password);
    LIDO_ASSERT(to->places.size() == url.places.size());
    for (const server_place& each : to->places) {
        const lido::postgres::connect_parameters made(*to, each, "192.0.2.1");
        std::size_t count = 0;
        while (made.names()[count] != nullptr) ++count;
        LIDO_ASSERT(made.values()[count] == nullptr);
        LIDO_ASSERT(made.value_of("user") == url.user && made.value_of("dbname") == url.database);
        LIDO_ASSERT(made.value_of("password") == url.password.reveal() && made.value_of("host") == each.host);
        // Whoever is not near is verified unless the URL says otherwise.
        if (!url.option("sslmode") && !lido::postgres::is_unix_socket(each) && each.host != "localhost") {
            LIDO_ASSERT(made.value_of("sslmode") == "verify-full");
        }
    }
}

void check_mysql(const std::string& text, const database_url& url) {
    lido::mysql::pool_settings settings;
    settings.url = text;
    const auto place = lido::mysql::place::of(settings);
    if (!place) return;
    LIDO_ASSERT(place->user == url.user && place->database == url.database && place->password == url.password);
    LIDO_ASSERT(place->unix_socket.empty() != place->host.empty());
    LIDO_ASSERT(place->host.empty() || place->port != 0);
    LIDO_ASSERT(!place->verify || place->tls);
    const bool named = url.option("ssl-mode").has_value();
    const bool near = !place->unix_socket.empty() || place->host == "localhost" || place->host == "::1" ||
                      place->host.starts_with("127.") || place->host.find(':') != std::string::npos;
    LIDO_ASSERT(named || near || place->verify);
}

void check_sqlite(const database_url& url) {
    const auto made = lido::sqlite::pool_settings::from(url, {});
    if (made) LIDO_ASSERT(made->validate().has_value() && made->file == url.database && !made->file.empty());
}

void check_one(const std::string& text) {
    const auto url = database_url::parse(text);
    if (!url) {
        LIDO_ASSERT(!url.error().what().empty());
        return;
    }
    LIDO_ASSERT(url->places.empty() == (url->kind == database_kind::sqlite));
    check_printed(*url);
    if (url->kind == database_kind::postgres) check_postgres(text, *url);
    if (url->kind == database_kind::mysql) check_mysql(text, *url);
    if (url->kind == database_kind::sqlite) check_sqlite(*url);
}

/// A password that cannot be anything else is in no text and no error.
void check_secret(std::string_view rest) {
    const std::string text = "postgresql://anna:" + std::string(hidden) + "@" + std::string(rest);
    if (rest.find('@') != std::string_view::npos || rest.find(hidden) != std::string_view::npos) return;
    const auto url = database_url::parse(text);
    if (!url) {
        LIDO_ASSERT(url.error().message().find(hidden) == std::string::npos);
        return;
    }
    LIDO_ASSERT(url->password.reveal() == hidden && url->to_text().find(hidden) == std::string::npos);
    lido::postgres::settings settings;
    settings.url = text;
    const auto to = lido::postgres::read_target(settings);
    if (!to) LIDO_ASSERT(to.error().message().find(hidden) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    check_one(text);
    for (const char* begin : {"postgresql://", "mysql://", "sqlite:"}) check_one(begin + text);
    check_secret(text);
    return 0;
}
