// Fuzzes the cookie jar: what a server sets goes to its own domain and breaks no header, and what is saved loads as it
// was.
#include "fuzz.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <portico/error.hpp>
#include <portico/http/cookie_jar.hpp>
#include <portico/wire/text.hpp>
#include <string>
#include <string_view>

namespace {

constexpr portico::http::cookie_jar::time now(std::chrono::seconds(1'000'000'000));

/// The last two labels, or all of the host if there are fewer.
std::string_view registered(std::string_view host)
{
    host = host.substr(0, host.find_last_not_of('.') + 1);
    const std::size_t last = host.rfind('.');
    return last == 0 || last == host.npos ? host : host.substr(host.rfind('.', last - 1) + 1);
}

void check_jar(const portico::http::cookie_jar& jar, const portico::url& to)
{
    const std::string header = jar.header_for(to, now), saved = jar.save(now);
    require(header.size() <= 8190 && std::ranges::none_of(header, portico::text::is_control));
    portico::http::cookie_jar again;
    const auto lines = static_cast<std::size_t>(std::ranges::count(saved, '\n'));
    require(again.load(saved, now) + 2 == lines);
    require(again.save(now) == saved && again.header_for(to, now) == header);
}

} // namespace

/// The input is the URL that cookies come from, the URL that they go to, and lines: each is a Set-Cookie field, and all
/// of them are a file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view input(reinterpret_cast<const char*>(data), size);
    try {
        const portico::url from(take_line(input)), to(take_line(input));
        portico::http::cookie_jar jar;
        for (std::string_view rest = input; !rest.empty();)
            jar.store(from, take_line(rest), now);
        check_jar(jar, to);
        require(jar.header_for(to, now).empty() || registered(from.host()) == registered(to.host()));
        jar.load(input, now);
        check_jar(jar, to);
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed); // the URLs
    }
    return 0;
}
