// Fuzzes netrc: it finds a login of the user that was asked for, none, or a fault.
#include "fuzz.hpp"
#include <cstddef>
#include <cstdint>
#include <portico/error.hpp>
#include <portico/http/netrc.hpp>
#include <string_view>

/// The input is a line with a host, a line with a user, and the text of the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::string_view host = take_line(input), user = take_line(input);
    try {
        const auto found = portico::http::netrc_login(input, host, user);
        require(!found || user.empty() || found->user == user);
    } catch (const portico::error& failure) {
        require(failure.code() == portico::errc::malformed);
    }
    return 0;
}
