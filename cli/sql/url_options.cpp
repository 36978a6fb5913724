#include "sql/url_options.hpp"

#include "lido/sql/database_url.hpp"

#include <fmt/format.h>

#include <unistd.h>

namespace lido::cli::sql {

std::string with_option(const std::string& url, std::string_view option) {
    if (url.find('?') == std::string::npos) return fmt::format("{}?{}", url, option);
    const bool is_open = url.ends_with('?') || url.ends_with('&');
    return fmt::format("{}{}{}", url, is_open ? "" : "&", option);
}

std::string for_a_look(const std::string& url, bool only_reads) {
    const auto parsed = lido::sql::database_url::parse(url);
    if (!parsed || parsed->kind != lido::sql::database_kind::sqlite || parsed->database == ":memory:") return url;
    std::string made = url;
    if (!parsed->option("journal")) made = with_option(made, "journal=keep");
    if (!only_reads || parsed->option("mode")) return made;
    const char* const file = parsed->database.c_str();
    const bool is_only_readable = access(file, R_OK) == 0 && access(file, W_OK) != 0;
    return with_option(made, is_only_readable ? "mode=ro" : "mode=rw");
}

}  // namespace lido::cli::sql
