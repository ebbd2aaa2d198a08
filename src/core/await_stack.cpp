// await_stack: from the operation up through the promises.
#include <portico/core/await_stack.hpp>

#include <fmt/format.h>
#include <iterator>
#include <string_view>

namespace portico::inline v0_1 {

std::vector<std::source_location> await_stack(const operation& waiting)
{
    std::vector<std::source_location> stack;
    for (const detail::promise_base* each = waiting.waiting(); each != nullptr; each = each->parent)
        stack.push_back(each->where);
    return stack;
}

namespace {

// `portico::v0_1::task<> portico::v0_1::scope(F)` becomes `portico::scope`. Compilers spell functions their own ways; GCC
// names the coroutine's own function, whose parameter is its frame.
std::string plain_name(std::string_view function)
{
    int depth = 0;
    std::size_t begin = 0, end = function.size();
    for (std::size_t i = 0; i < function.size(); ++i) {
        const char each = function[i];
        if (each == '(' && depth == 0 && i > begin && function.substr(begin, i - begin) != "(") {
            end = i;
            break;
        }
        if (each == '<' || each == '(' || each == '{')
            ++depth;
        else if (each == '>' || each == ')' || each == '}')
            --depth;
        else if (each == ' ' && depth == 0)
            begin = i + 1;
    }
    std::string name(function.substr(begin, end - begin));
    for (const std::string_view unsaid : {"{anonymous}::", "(anonymous namespace)::", "v0_1::"})
        if (const auto position = name.find(unsaid); position != std::string::npos)
            name.erase(position, unsaid.size());
    return name;
}

} // namespace

std::string to_string(const std::vector<std::source_location>& stack)
{
    std::string text;
    for (const std::source_location& each : stack) {
        std::string_view file = each.file_name();
        file.remove_prefix(file.rfind('/') + 1);
        fmt::format_to(std::back_inserter(text), "  {} at {}:{}\n", plain_name(each.function_name()), file, each.line());
    }
    return text;
}

std::string await_stacks(context& of)
{
    std::string text;
    of.root().for_each_waiting([&](const operation& each) {
        text.append(text.empty() ? "" : "\n").append(to_string(await_stack(each)));
    });
    return text;
}

} // namespace portico
