// values: see values.hpp.
#include "values.hpp"

#include "columns.hpp"

#include <algorithm>
#include <charconv>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <memory>
#include <portico/net/resolver.hpp>
#include <portico/wire/text.hpp>
#include <termios.h>
#include <unistd.h>

namespace http_get {

void refuse(const std::string& option, std::string_view value, std::string why)
{
    throw portico::error(portico::errc::malformed, "read option", option + ' ' + printable(value), portico::phase::none,
                         std::move(why));
}

namespace {

/// The number at the beginning of a text, which is shortened by it; negative where there is none.
double take_number(std::string_view& text)
{
    double value = 0;
    const char* const begin = text.data();
    const auto [end, failure] = std::from_chars(begin, begin + text.size(), value, std::chars_format::fixed);
    if (failure != std::errc{} || !std::isfinite(value))
        return -1;
    text.remove_prefix(static_cast<std::size_t>(end - begin));
    return value;
}

} // namespace

std::uint64_t parse_size(const std::string& option, std::string_view text)
{
    std::string_view left = text;
    const double number = take_number(left);
    constexpr std::string_view units = "bkmgtp";
    const std::size_t power = left.empty() ? 0 : units.find(portico::text::to_lower(left.front()));
    if (number < 0 || left.size() > 1 || power == units.npos)
        refuse(option, text, "it is no number of bytes such as 1000, 64k or 1.5M");
    const double bytes = std::ldexp(number, static_cast<int>(10 * power));
    return bytes >= 0x1p63 ? std::uint64_t{1} << 63 : static_cast<std::uint64_t>(bytes);
}

double parse_seconds(const std::string& option, const std::string& text)
{
    std::string_view left = text;
    const double number = take_number(left);
    if (number < 0 || number > 1e9 || !left.empty())
        refuse(option, text, "it is no number of seconds");
    return number;
}

namespace {

constexpr char interrupt_character = 3; // Ctrl-C

/// What is typed at the terminal, unseen, up to the end of the line.
std::string ask_for_password(const std::string& option, const std::string& user)
{
    struct closing {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, closing> terminal(std::fopen("/dev/tty", "r+e"));
    termios before{};
    if (!terminal || ::tcgetattr(::fileno(terminal.get()), &before) != 0)
        refuse(option, user, "it has no password, and there is no terminal to ask for it");
    termios unseen = before;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG); // a signal would leave it so
    ::tcsetattr(::fileno(terminal.get()), TCSAFLUSH, &unseen);
    std::fprintf(terminal.get(), "Password of %s: ", printable(user).c_str());
    std::fflush(terminal.get());
    std::string password;
    int next = 0;
    while ((next = std::fgetc(terminal.get())) != EOF && next != '\n' && next != interrupt_character)
        password += static_cast<char>(next);
    ::tcsetattr(::fileno(terminal.get()), TCSAFLUSH, &before);
    if (next != EOF)
        std::fputc('\n', terminal.get());
    if (next != '\n')
        refuse(option, user, "its password was asked for in vain");
    return password;
}

} // namespace

portico::http::login parse_login(const std::string& option, const std::string& text)
{
    const std::size_t colon = text.find(':');
    if (colon == text.npos)
        return {text, ask_for_password(option, text)};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

void add_field(const std::string& text, portico::fields& sent, std::vector<std::string>& left_out)
{
    const std::size_t end = text.find_first_of(":;");
    const std::string name = text.substr(0, end);
    const auto is_bad = [](char each) { return portico::text::is_control(each) && each != '\t'; };
    if (end == text.npos || !portico::text::is_token(name) || std::ranges::any_of(text, is_bad))
        refuse("-H", text, "it is no field: NAME: VALUE, NAME: or NAME;");
    const std::string_view value = portico::text::trim(std::string_view(text).substr(end + 1));
    if (text[end] == ':' && value.empty())
        left_out.push_back(name);
    else if (text[end] == ':' || value.empty()) // what is behind a semicolon has no meaning yet
        sent.add(name, std::string(value));
}

std::string read_text(const std::string& option, const std::string& path)
{
    struct closing {
        void operator()(std::FILE* file) const
        {
            if (file != stdin)
                std::fclose(file);
        }
    };
    const std::unique_ptr<std::FILE, closing> file(path == "-" ? stdin : std::fopen(path.c_str(), "re"));
    if (!file)
        refuse(option, path, "it cannot be read: " + std::error_code(errno, std::generic_category()).message());
    std::string text;
    char part[1 << 14];
    for (std::size_t count = sizeof part; count == sizeof part;) { // fewer: it ends here
        count = std::fread(part, 1, sizeof part, file.get());
        text.append(part, count);
        if (text.size() > 16 << 20)
            refuse(option, path, "it has more than 16 MiB");
    }
    if (std::ferror(file.get()) != 0)
        refuse(option, path, "it cannot be read");
    return text;
}

std::string text_or_file(const std::string& option, const std::string& value)
{
    return value.starts_with('@') ? read_text(option, value.substr(1)) : value;
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        if (lines.back().ends_with('\r'))
            lines.back().pop_back();
        begin = end + 1;
    }
    return lines;
}

std::string normal_host(std::string_view host)
{
    if (host.ends_with('.'))
        host.remove_suffix(1);
    std::string normal(host);
    std::ranges::transform(normal, normal.begin(), portico::text::to_lower);
    return normal;
}

namespace {

/// Takes the text up to a colon outside of brackets, which go.
std::string take_part(std::string_view& text)
{
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    const std::size_t end = bracket == text.npos ? text.npos : text.find(':', bracket);
    std::string_view part = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (part.starts_with('[') && part.ends_with(']'))
        part = part.substr(1, part.size() - 2);
    return std::string(part);
}

/// Nothing where it is no port, and where it is 0.
std::uint16_t port_of(const std::string& text)
{
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failure == std::errc{} && end == text.data() + text.size() ? port : std::uint16_t{0};
}

} // namespace

host_entry host_entry::parse(const std::string& text)
{
    const auto check = [&](bool is_right) {
        if (!is_right)
            refuse("--resolve", text, "it is not HOST:PORT:ADDRESS[,ADDRESS...]");
    };
    std::string_view left = text;
    const bool removes = left.starts_with('-');
    if (removes || left.starts_with('+')) // curl's mark for one that may expire
        left.remove_prefix(1);
    host_entry made{normal_host(take_part(left)), 0, {}};
    made.port = port_of(take_part(left));
    check(!made.host.empty() && made.port != 0 && made.host.find_first_of("[] /") == made.host.npos);
    if (removes)
        return made;
    do {
        const std::size_t end = std::min(left.find(','), left.size());
        std::string_view each = left.substr(0, end);
        if (each.starts_with('[') && each.ends_with(']'))
            each = each.substr(1, each.size() - 2);
        const auto address = portico::parse_ip(std::string(each), made.port);
        check(address.has_value());
        made.addresses.push_back(*address);
        left.remove_prefix(std::min(end + 1, left.size()));
    } while (!left.empty());
    return made;
}

detour detour::parse(const std::string& text)
{
    std::string_view left = text;
    detour made{normal_host(take_part(left)), 0, {}, 0};
    const std::string port = take_part(left);
    made.to_host = take_part(left);
    const std::string to_port(left);
    made.port = port_of(port);
    made.to_port = port_of(to_port);
    const bool are_ports = (made.port != 0 || port.empty()) && (made.to_port != 0 || to_port.empty());
    if (std::ranges::count(text, ':') < 3 || !are_ports)
        refuse("--connect-to", text, "it is not HOST1:PORT1:HOST2:PORT2");
    return made;
}

} // namespace http_get
