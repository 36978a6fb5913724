#include "command_line.hpp"

#include "command_error.hpp"
#include "console.hpp"
#include "did_you_mean.hpp"
#include "without_password.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace lido::cli {
namespace {

constexpr std::size_t help_width = 80;
constexpr std::size_t help_indent = 28;

/// `text` broken into lines that fit beside the names of the options.
std::string wrapped(std::string_view text, std::size_t indent) {
    std::string out;
    std::size_t column = indent;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (column > indent && column + 1 + columns_of(word) > help_width) {
            out += fmt::format("\n{:{}}", "", indent);
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += columns_of(word);
    }
    return out;
}

std::string help_row(std::string_view left, std::string_view right) {
    std::string row = fmt::format("  {:<{}}", left, help_indent - 2);
    if (left.size() + 3 > help_indent) row = fmt::format("  {}\n{:{}}", left, "", help_indent);
    return row + wrapped(right, help_indent) + '\n';
}

}  // namespace

command_line::command_line(std::string usage, std::string about) : usage_(std::move(usage)), about_(std::move(about)) {}

void command_line::group(std::string title) {
    current_group_ = std::move(title);
}

void command_line::option(std::string name, std::string placeholder, std::string help, setter set) {
    entries_.push_back(
        {kind::option, std::move(name), std::move(placeholder), std::move(help), current_group_, std::move(set)});
    entry& made = entries_.back();
    if (const std::size_t comma = made.name.find(", "); comma != std::string::npos) {
        made.short_name = made.name.substr(0, comma);
        made.name.erase(0, comma + 2);
    }
}

void command_line::repeated(std::string name, std::string placeholder, std::string help, setter set) {
    option(std::move(name), std::move(placeholder), std::move(help), std::move(set));
    entries_.back().what = kind::repeated;
}

void command_line::flag(std::string name, std::string help, bool& set) {
    option(std::move(name), {}, std::move(help), {});
    entries_.back().what = kind::flag;
    entries_.back().flag = &set;
}

void command_line::positional(const std::string& placeholder, std::string help, setter set) {
    option(placeholder, placeholder, std::move(help), std::move(set));
    entries_.back().what = kind::positional;
}

void command_line::positionals(const std::string& placeholder, std::string help, setter set) {
    option(placeholder, placeholder, std::move(help), std::move(set));
    entries_.back().what = kind::positionals;
}

void command_line::example(std::string command, std::string meaning) {
    examples_.emplace_back(std::move(command), std::move(meaning));
}

command_line::outcome command_line::parse(const std::vector<std::string>& words) {
    CLI::App app;
    bool help_wanted = false;
    app.set_help_flag();
    app.add_flag("-h,--help", help_wanted);
    app.allow_extras();
    for (entry& each : entries_) {
        each.values.clear();
        each.flag_given = false;
        const std::string names = each.short_name.empty() ? each.name : each.short_name + "," + each.name;
        if (each.what == kind::flag) {
            app.add_flag(names, each.flag_given);
        } else {
            auto* const known = app.add_option(names, each.values)->allow_extra_args(each.what == kind::positionals);
            if (each.what == kind::positional) known->expected(1);  // the next word is the next one's
        }
    }
    try {
        // CLI11 takes the last word first.
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::ArgumentMismatch& mismatch) {
        const std::string_view text = mismatch.what();
        throw usage_error(fmt::format("{} needs a value", text.substr(0, text.find(':'))));
    } catch (const CLI::ParseError& mistake) {
        throw usage_error(mistake.what());
    }
    if (help_wanted) return outcome::help_wanted;
    const std::vector<std::string> rest = app.remaining();
    if (!rest.empty()) refuse_unknown(rest.front());
    for (const entry& each : entries_) apply(each);
    return outcome::go_on;
}

void command_line::refuse_unknown(const std::string& word) const {
    const std::string subcommand = usage_.substr(0, usage_.find(' '));
    if (word.empty() || word.front() != '-') {
        throw usage_error(
            fmt::format("'{}' was not expected; lido help {} says what is", without_password(word), subcommand));
    }
    const std::string name = word.substr(0, word.find('='));
    std::vector<std::string_view> names;
    for (const entry& each : entries_) {
        const bool named = each.what != kind::positional && each.what != kind::positionals;
        if (named) names.emplace_back(each.name);
    }
    const std::string_view nearest = did_you_mean(name, names);
    throw usage_error(nearest.empty() ? fmt::format("there is no option {}; lido help {} lists them", name, subcommand)
                                      : fmt::format("there is no option {}; did you mean {}?", name, nearest));
}

void command_line::apply(const entry& each) const {
    if (each.what == kind::flag) {
        if (each.flag_given) *each.flag = true;
        return;
    }
    if (each.what == kind::option && each.values.size() > 1) {
        throw usage_error(fmt::format("{} was given more than once; leave one", each.name));
    }
    if (each.what == kind::positional && each.values.size() > 1) refuse_unknown(each.values[1]);
    for (const std::string& value : each.values) each.set(each.name, value);
}

bool command_line::given(std::string_view name) const noexcept {
    for (const entry& each : entries_) {
        if (each.name == name) return each.flag_given || !each.values.empty();
    }
    return false;
}

std::string command_line::help() const {
    std::string text = fmt::format("usage: lido {}\n\n{}\n", usage_, wrapped(about_, 0));
    std::string_view group;
    for (const entry& each : entries_) {
        if (each.group != group) {
            group = each.group;
            text += fmt::format("\n{}:\n", group);
        }
        const bool named = each.what != kind::positional && each.what != kind::positionals;
        std::string left = each.short_name.empty() ? each.name : fmt::format("{}, {}", each.short_name, each.name);
        if (named && !each.placeholder.empty()) left += " " + each.placeholder;
        if (each.what == kind::positionals) left += "...";
        text += help_row(left, each.help);
    }
    if (!examples_.empty()) text += "\nExamples:\n";
    for (const auto& [command, meaning] : examples_) text += fmt::format("  {}\n      {}\n", command, meaning);
    return text;
}

}  // namespace lido::cli
