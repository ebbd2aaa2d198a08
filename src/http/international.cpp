// International URLs: what `url` refuses and people write is put right before `url` sees it, which then decides alone.
#include <portico/http/international.hpp>

#include <algorithm>
#include <cstddef>
#include <idn2.h>
#include <memory>
#include <new>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>
#include <string>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

bool is_ascii(std::string_view text)
{
    return std::ranges::all_of(text, [](char character) { return static_cast<unsigned char>(character) < 0x80; });
}

[[noreturn]] void refuse(std::string_view host, std::string why)
{
    throw error(errc::malformed, "parse URL", text::escape(host), phase::none,
                "the host is no international name: " + std::move(why));
}

/// The host in ASCII: UTF-8 in, and in lower case.
std::string to_ascii(const std::string& host)
{
    if (host.find('\0') != host.npos)
        refuse(host, "it holds NUL");
    char* made = nullptr;
    int outcome = ::idn2_to_ascii_8z(host.c_str(), &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (outcome == IDN2_DISALLOWED) // a symbol, perhaps, which IDNA 2003 has allowed
        outcome = ::idn2_to_ascii_8z(host.c_str(), &made, IDN2_TRANSITIONAL);
    const std::unique_ptr<char, void (*)(void*)> owned(made, ::idn2_free);
    if (outcome == IDN2_MALLOC)
        throw std::bad_alloc();
    if (outcome != IDN2_OK)
        refuse(host, ::idn2_strerror(outcome));
    const std::string ascii = made;
    const bool is_name = std::ranges::all_of(ascii, [](char character) {
        return text::is_letter(character) || text::is_digit(character) || std::string_view("-_.").find(character) < 3;
    });
    if (!is_name)
        refuse(host, "it means " + text::escape(ascii));
    return ascii;
}

/// The scheme in lower case; empty where the text has none.
std::string scheme_of(std::string_view text)
{
    const auto is_part = [](char character) {
        return text::is_letter(character) || text::is_digit(character) || std::string_view("+-.").find(character) < 3;
    };
    const std::string_view scheme(text.begin(), std::ranges::find_if_not(text, is_part));
    if (scheme.empty() || !text::is_letter(scheme[0]) || !text.substr(scheme.size()).starts_with(':'))
        return {};
    std::string result(scheme);
    std::ranges::transform(result, result.begin(), text::to_lower);
    return result;
}

bool is_web(std::string_view scheme)
{
    return scheme == "http" || scheme == "https";
}

/// The text with its host in ASCII. A host that is found in the wrong place cannot do harm: what this returns is parsed
/// as a whole.
std::string with_ascii_host(std::string text)
{
    const std::string scheme = scheme_of(text);
    const std::size_t start = scheme.empty() ? 0 : scheme.size() + 1;
    std::size_t slashes = std::min(text.find_first_not_of('/', start), text.size()) - start;
    if (!is_web(scheme)) // those of more than two are of the path
        slashes = std::min<std::size_t>(slashes, 2);
    if (slashes == 0 || slashes > 3 || (slashes == 1 && !is_web(scheme)))
        return text;
    std::size_t begin = start + slashes;
    const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
    if (const std::size_t at = text.rfind('@', end); at != text.npos && at >= begin)
        begin = std::min(at + 1, end);
    const std::size_t size = std::min(text.find(':', begin), end) - begin;
    const std::string host = percent_decode(std::string_view(text).substr(begin, size));
    return is_ascii(host) ? text : text.replace(begin, size, to_ascii(host));
}

/// WHATWG URL section 4.4, what its parser does before it looks at anything, and its slashes.
std::string as_browsers_read(std::string_view text, std::string_view base_scheme)
{
    const auto is_dropped = [](char character) { return static_cast<unsigned char>(character) <= ' '; };
    while (!text.empty() && is_dropped(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_dropped(text.back()))
        text.remove_suffix(1);
    std::string result(text);
    std::erase_if(result, [](char character) { return character == '\t' || character == '\n' || character == '\r'; });
    const std::string scheme = scheme_of(result);
    if (is_web(scheme.empty() ? base_scheme : scheme)) {
        const std::size_t end = std::min(result.find_first_of("?#"), result.size());
        std::replace(result.begin(), result.begin() + static_cast<std::ptrdiff_t>(end), '\\', '/');
    }
    return result;
}

} // namespace

url parse_url(std::string_view text)
{
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const bool has_scheme = text.find("://") < text.find_first_of("/?#"); // one in a path or query makes none
    return url(with_ascii_host((has_scheme ? "" : "http://") + std::string(text)));
}

url resolve(const url& base, std::string_view reference)
{
    return base.resolve(with_ascii_host(as_browsers_read(reference, base.scheme())));
}

} // namespace portico::http
