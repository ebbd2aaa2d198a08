// HTTP requests to bytes: the one place where header injection is refused.
#include <portico/http/request.hpp>

#include <algorithm>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

[[noreturn]] void refuse(const std::string& why, std::string_view what)
{
    throw error(errc::malformed, "write request", {}, phase::none, why + ": " + text::escape(what));
}

bool is_target(std::string_view text)
{
    return !text.empty()
           && std::ranges::all_of(text, [](char character) { return character > ' ' && character < 0x7f; });
}

} // namespace

request::request(std::string method, std::string target, portico::fields fields)
    : method_(std::move(method)), target_(std::move(target)), fields_(std::move(fields))
{}

request::request(std::string method, const url& where) : request(std::move(method), where.target())
{
    fields_.add("Host", where.authority());
}

std::string request::serialise() const
{
    if (!text::is_token(method_))
        refuse("the method is no token", method_);
    if (!is_target(target_))
        refuse("the target is empty or holds blanks, control characters or bytes above ASCII", target_);
    std::string result = method_ + ' ' + target_ + (minor_version_ == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    for (const auto& field : fields_) {
        if (!text::is_token(field.name))
            refuse("a field name is no token", field.name);
        if (std::ranges::any_of(field.value, [](char each) { return each == '\r' || each == '\n' || each == '\0'; }))
            refuse("the field " + field.name + " holds CR, LF or NUL", field.value);
        result.append(field.name).append(": ").append(field.value).append("\r\n");
    }
    return result += "\r\n";
}

} // namespace portico::http
