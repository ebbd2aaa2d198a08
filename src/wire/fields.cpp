// Header fields: look-up without case, and values that are lists.
#include <portico/wire/fields.hpp>

#include <algorithm>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1 {

namespace {

auto named(std::string_view name)
{
    return [name](const fields::field& candidate) { return text::equals_ignoring_case(candidate.name, name); };
}

std::size_t end_of_element(std::string_view list)
{
    bool quoted = false;
    for (std::size_t position = 0; position < list.size(); ++position) {
        if (list[position] == '"')
            quoted = !quoted;
        else if (quoted && list[position] == '\\')
            ++position;
        else if (!quoted && list[position] == ',')
            return position;
    }
    return list.size();
}

} // namespace

void fields::add(std::string name, std::string value)
{
    list_.emplace_back(std::move(name), std::move(value));
}

void fields::set(std::string name, std::string value)
{
    const auto first = std::ranges::find_if(list_, named(name));
    if (first == list_.end())
        return add(std::move(name), std::move(value));
    list_.erase(std::remove_if(first + 1, list_.end(), named(name)), list_.end());
    *first = {std::move(name), std::move(value)};
}

std::size_t fields::remove(std::string_view name)
{
    return std::erase_if(list_, named(name));
}

std::optional<std::string_view> fields::find(std::string_view name) const
{
    const auto first = std::ranges::find_if(list_, named(name));
    if (first == list_.end())
        return std::nullopt;
    return first->value;
}

std::vector<std::string_view> fields::all(std::string_view name) const
{
    std::vector<std::string_view> values;
    for (const field& candidate : list_)
        if (text::equals_ignoring_case(candidate.name, name))
            values.push_back(candidate.value);
    return values;
}

std::vector<std::string_view> fields::elements(std::string_view name) const
{
    std::vector<std::string_view> found;
    for (std::string_view rest : all(name)) {
        while (!rest.empty()) {
            const std::size_t length = end_of_element(rest);
            if (const std::string_view element = text::trim(rest.substr(0, length)); !element.empty())
                found.push_back(element);
            rest.remove_prefix(std::min(length + 1, rest.size()));
        }
    }
    return found;
}

bool fields::contains_token(std::string_view name, std::string_view token) const
{
    return std::ranges::any_of(
        elements(name), [token](std::string_view element) { return text::equals_ignoring_case(element, token); });
}

} // namespace portico
