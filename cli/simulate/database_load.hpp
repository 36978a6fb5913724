// Lido: a load on a database, as the command line says it.
#pragma once

#include "command_line.hpp"
#include "lido/base/random.hpp"
#include "lido/sql/pool_settings.hpp"
#include "lido/sql/value.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lido::cli::simulate {

/// A value of a placeholder: the same each time, or a whole number that is drawn from a range.
class drawn_value {
public:
    explicit drawn_value(lido::sql::value always) : from_(std::move(always)) {}
    drawn_value(std::int64_t least, std::int64_t most) noexcept : from_(range{least, most}) {}

    [[nodiscard]] lido::sql::value draw(random_source& random) const;

private:
    struct range {
        std::int64_t least;
        std::int64_t most;
    };
    std::variant<lido::sql::value, range> from_;
};

/// "random:1-1000" is drawn anew each time; everything else as for `lido sql --param`. Throws `usage_error`.
[[nodiscard]] drawn_value drawn_value_of(std::string_view option, const std::string& word);

/// A statement of the user's, with the values of its placeholders.
struct loaded_statement {
    std::string text;  ///< empty: none
    std::vector<drawn_value> values;
};

/// What `--sql` and the options that belong to it say.
struct database_load {
    std::string url;
    loaded_statement reading;
    loaded_statement writing;
    double write_ratio = 0.0;  ///< of all statements, those that are `writing`
    std::vector<std::string> setup;

    /// Into a group of its own; `line` must not outlive this object.
    void declare(command_line& line);
    /// The options that mean something with `--sql` only.
    [[nodiscard]] static std::span<const char* const> names() noexcept;
    /// Throws `usage_error`. Only when `--sql` was given.
    void check_together(const command_line& line) const;
    /// The URL without its password.
    [[nodiscard]] std::string name() const;
    /// A database that only one pool sees.
    [[nodiscard]] bool is_private() const;
};

struct options;
enum class way : std::uint8_t;

[[nodiscard]] lido::sql::pool_settings pool_settings_for(const options& asked, way how);

}  // namespace lido::cli::simulate
