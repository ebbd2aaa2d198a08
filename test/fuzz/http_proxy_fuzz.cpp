// Fuzzes proxies and the lists of hosts without one: what is read is shown in a form that reads to the same, and a list
// excepts what its parts do.
#include "fuzz.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <portico/error.hpp>
#include <portico/http/proxy.hpp>
#include <portico/wire/text.hpp>
#include <string>
#include <string_view>

namespace {

void check_proxy(std::string_view text)
{
    using portico::http::proxy;
    try {
        const proxy read = proxy::parse(text);
        const std::string shown = to_string(read);
        const proxy again = proxy::parse(shown);
        require(again.scheme() == read.scheme() && again.host() == read.host() && again.port() == read.port());
        require(!read.host().empty() && !again.login() && to_string(again) == shown);
        require(std::ranges::none_of(shown, portico::text::is_control));
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed && failure.operation() == "parse proxy");
    }
}

} // namespace

/// The input is a proxy, a list and a URL, a line each.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view input(reinterpret_cast<const char*>(data), size);
    check_proxy(take_line(input));
    const std::string_view list = take_line(input);
    try {
        const portico::url to(input);
        const auto is_excepted = [&](std::string_view part) {
            portico::http::proxy_settings settings;
            settings.use("proxy");
            settings.no_proxy(part);
            return !settings.for_url(to);
        };
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view rest = list.substr(std::min(comma + 1, list.size()));
        require(is_excepted(list) == (is_excepted(list.substr(0, comma)) || is_excepted(rest)));
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed); // the URL
    }
    return 0;
}
