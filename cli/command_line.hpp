// Lido: the options of a subcommand.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lido::cli {

/// The options of one subcommand: what they are called, what the help says of them, and what a value does. CLI11 takes
/// the words apart; the checks and the texts are ours, so that each mistake is one line that names the option.
class command_line {
public:
    /// Called with the option's name and its value. Throws `usage_error`.
    using setter = std::function<void(std::string_view option, const std::string& value)>;

    /// `usage` is what follows "usage: lido "; `about` a sentence or two.
    command_line(std::string usage, std::string about);

    /// Begins a group of options with a title of its own in the help.
    void group(std::string title);
    /// A name may have a short form before it: "-X, --method".
    void option(std::string name, std::string placeholder, std::string help, setter set);
    /// May be given several times.
    void repeated(std::string name, std::string placeholder, std::string help, setter set);
    void flag(std::string name, std::string help, bool& set);
    /// An argument without a name; it may be left out. Several are read in the order in which they are declared.
    void positional(const std::string& placeholder, std::string help, setter set);
    /// Arguments without a name, any number of them.
    void positionals(const std::string& placeholder, std::string help, setter set);
    /// A line of the help's "examples".
    void example(std::string command, std::string meaning);

    enum class outcome { go_on, help_wanted };
    /// Reads the words and calls the setters in the order in which the options were declared. `help_wanted` calls none.
    [[nodiscard]] outcome parse(const std::vector<std::string>& words);
    /// Was it given in the last `parse`?
    [[nodiscard]] bool given(std::string_view name) const noexcept;
    [[nodiscard]] std::string help() const;

private:
    enum class kind { option, repeated, flag, positional, positionals };
    struct entry {
        kind what;
        std::string name;
        std::string placeholder;
        std::string help;
        std::string group;
        setter set;
        bool* flag = nullptr;
        bool flag_given = false;
        std::vector<std::string> values = {};
        std::string short_name = {};
    };

    [[noreturn]] void refuse_unknown(const std::string& word) const;
    void apply(const entry& each) const;

    std::string usage_;
    std::string about_;
    std::string current_group_ = "Options";
    std::vector<entry> entries_;
    std::vector<std::pair<std::string, std::string>> examples_;
};

}  // namespace lido::cli
