#include "simulate/database_load.hpp"

#include "command_error.hpp"
#include "lido/sql/database_url.hpp"
#include "setters.hpp"
#include "simulate/options.hpp"
#include "sql/parameter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace lido::cli::simulate {
namespace {

constexpr std::array<const char*, 6> option_names{"--statement",   "--param",       "--write-statement",
                                                  "--write-param", "--write-ratio", "--setup"};
constexpr std::string_view drawn = "random:";

/// "-5-10" is the range from -5 to 10.
std::optional<std::pair<std::int64_t, std::int64_t>> range_of(std::string_view text) {
    std::pair<std::int64_t, std::int64_t> made;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, made.first);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, made.second);
    if (second.ec != std::errc() || second.ptr != end || made.first > made.second) return std::nullopt;
    return made;
}

command_line::setter add_value(std::vector<drawn_value>& to) {
    return [&to](std::string_view option, const std::string& value) { to.push_back(drawn_value_of(option, value)); };
}

}  // namespace

lido::sql::value drawn_value::draw(random_source& random) const {
    if (const auto* const always = std::get_if<lido::sql::value>(&from_)) return *always;
    const range& bounds = std::get<range>(from_);
    // Unsigned, so that a range over zero does not overflow. All numbers there are make a count of 0.
    const auto least = static_cast<std::uint64_t>(bounds.least);
    const std::uint64_t count = static_cast<std::uint64_t>(bounds.most) - least + 1;
    return static_cast<std::int64_t>(least + (count == 0 ? random.next() : random.below(count)));
}

drawn_value drawn_value_of(std::string_view option, const std::string& word) {
    if (!word.starts_with(drawn)) return drawn_value(cli::sql::parameter_of(word));
    const auto range = range_of(std::string_view(word).substr(drawn.size()));
    if (range) return {range->first, range->second};
    throw usage_error(fmt::format("{} must be such as random:1-1000, got '{}'; text:random:… is text", option, word));
}

void database_load::declare(command_line& line) {
    line.group("Users over a database, instead of a URL");
    line.option("--sql", "URL", "postgresql://, mysql:// or sqlite:, as for lido sql", text_into(url));
    line.option("--statement", "TEXT", "what a user runs; placeholders are the database's own: ? or $1",
                text_into(reading.text));
    line.repeated("--param", "VALUE",
                  "the next placeholder's value, as for lido sql; random:1-1000 is a number drawn each time",
                  add_value(reading.values));
    line.option("--write-statement", "TEXT", "what it runs instead in a share of the cases", text_into(writing.text));
    line.repeated("--write-param", "VALUE", "the next value of that one's placeholders", add_value(writing.values));
    line.option("--write-ratio", "R", "that share, 0 to 1",
                [this](auto option, const std::string& value) { write_ratio = number_value(option, value, 0.0, 1.0); });
    line.repeated("--setup", "TEXT", "a statement that is run once before everything; may be given several times",
                  [this](auto, const std::string& value) { setup.push_back(value); });
}

std::span<const char* const> database_load::names() noexcept {
    return option_names;
}

void database_load::check_together(const command_line& line) const {
    const auto parsed = lido::sql::database_url::parse(url);
    if (!parsed) throw usage_error(fmt::format("--sql: {}", in_words_of_options(parsed.error())));
    if (reading.text.empty()) throw usage_error("--sql needs --statement, such as --statement 'select 1'");
    if (line.given("--write-ratio") != !writing.text.empty()) {
        throw usage_error("--write-ratio and --write-statement belong together; leave both or none");
    }
    if (!writing.values.empty() && writing.text.empty()) {
        throw usage_error("--write-param needs --write-statement; leave it out");
    }
}

std::string database_load::name() const {
    const auto parsed = lido::sql::database_url::parse(url);
    return parsed ? parsed->to_text() : std::string();
}

bool database_load::is_private() const {
    const auto parsed = lido::sql::database_url::parse(url);
    return parsed && parsed->kind == lido::sql::database_kind::sqlite && parsed->database == ":memory:";
}

lido::sql::pool_settings pool_settings_for(const options& asked, way how) {
    lido::sql::pool_settings made;
    made.connections.max_size = asked.effective_pool_size();
    made.connections.min_size = std::min(asked.warm_up, made.connections.max_size);
    made.connections.sizing = asked.sizing;
    made.connections.max_waiters = std::max<std::size_t>(asked.num_users, 1024);
    made.connections.on_full = asked.when_full;
    made.connections.acquire_timeout = asked.acquire_timeout;
    made.connections.connect_timeout = asked.connect_timeout;
    if (how == way::new_connections) made.connections.max_uses = 1;
    made.statement_timeout = asked.timeout;
    return made;
}

}  // namespace lido::cli::simulate
