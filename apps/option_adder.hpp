// option_adder: options for CLI11, as values of ours take them, and their help.
#pragma once

#include "command_line.hpp"
#include "values.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <concepts>
#include <functional>

namespace http_get {

/// Adds options, in groups of the help. Of an option that is given several times the last one counts, except in lists.
class option_adder {
public:
    option_adder(CLI::App& to, const char* group) : to_(to), group_(group) {}

    CLI::Option* flag(const char* names, bool& target, const char* what) const
    {
        return to_.add_flag(names, target, what)->group(group_);
    }
    /// Something that is done where the option is given.
    void action(const char* names, std::function<void()> act, const char* what) const
    {
        to_.add_flag_callback(names, std::move(act), what)->group(group_);
    }
    template <std::invocable<const std::string&> F>
    CLI::Option* value(const char* names, const char* type, F take, const char* what) const
    {
        const auto take_last = [take](const CLI::results_t& all) { return take(all.back()), true; };
        return add(names, type, take_last, what);
    }
    template <class T>
        requires std::assignable_from<T&, const std::string&>
    CLI::Option* value(const char* names, const char* type, T& target, const char* what) const
    {
        return value(names, type, [&target](const std::string& given) { target = given; }, what);
    }
    template <class F>
    CLI::Option* list(const char* names, const char* type, F take, const char* what) const
    {
        const auto take_all = [take](const CLI::results_t& all) { return std::ranges::for_each(all, take), true; };
        return add(names, type, take_all, what);
    }
    void seconds(const char* names, portico::duration& target, const char* what) const
    {
        const std::string name(names);
        value(names, "SECONDS", [&target, name](const std::string& given) {
            target = command_line::seconds(parse_seconds(name, given));
        }, what);
    }
    template <class T>
    void number(const char* names, T& target, const char* what) const
    {
        const std::string name(names);
        value(names, "NUMBER", [&target, name](const std::string& given) { target = to_number<T>(name, given); }, what);
    }
    void size(const char* names, std::uint64_t& target, const char* what) const
    {
        const std::string name(names);
        value(names, "BYTES", [&target, name](const std::string& given) { target = parse_size(name, given); }, what);
    }

private:
    // As it was typed: CLI11 would have its own meaning for some values.
    CLI::Option* add(const char* names, const char* type, CLI::callback_t take, const char* what) const
    {
        return to_.add_option(names, std::move(take), what)
            ->group(group_)
            ->type_name(type)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    template <class T>
    static T to_number(const std::string& name, const std::string& given)
    {
        unsigned number = 0;
        if (given.find_first_not_of("0123456789") != given.npos || !CLI::detail::lexical_cast(given, number))
            refuse(name, given, "it is no whole number");
        return T(number);
    }

    CLI::App& to_;
    const char* group_;
};

/// The help: options with what they take, and nothing of CLI11's own.
class formatter : public CLI::Formatter {
public:
    formatter() { column_width(32); }

private:
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override
    {
        std::string names = CLI::Formatter::make_option_name(option, is_positional);
        constexpr std::string_view mark = "{false}"; // behind the opposite of a flag
        for (std::size_t at = 0; (at = names.find(mark)) != names.npos;)
            names.erase(at, mark.size());
        return names;
    }
    std::string make_option_opts(const CLI::Option* option) const override
    {
        return option->get_type_name().empty() ? "" : ' ' + option->get_type_name();
    }
};

} // namespace http_get
