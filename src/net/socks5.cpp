// socks5: the conversation with a proxy (RFC 1928), and who asks (RFC 1929).
#include "socks5.hpp"

#include "resolver.hpp"

#include <fmt/format.h>
#include <portico/core/deadline.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::detail {

namespace {

constexpr unsigned char version = 5, password_version = 1;
constexpr unsigned char no_authentication = 0, by_password = 2, none_acceptable = 0xff;
constexpr unsigned char ipv4 = 1, name = 3, ipv6 = 4; // ATYP

unsigned number(bytes from, std::size_t index) noexcept
{
    return static_cast<unsigned char>(from[index]);
}

struct refusal {
    std::error_code code;
    std::string text;
};

// RFC 1928 section 6.
refusal refusal_of(unsigned reply)
{
    switch (reply) {
    case 1: return {errc::refused, "general failure"};
    case 2: return {std::make_error_code(std::errc::permission_denied), "its rules do not allow the connection"};
    case 3: return {std::make_error_code(std::errc::network_unreachable), "network unreachable"};
    case 4: return {std::make_error_code(std::errc::host_unreachable), "host unreachable"};
    case 5: return {std::make_error_code(std::errc::connection_refused), "connection refused by the destination host"};
    case 6: return {std::make_error_code(std::errc::host_unreachable), "TTL expired on the way to the destination"};
    case 7: return {std::make_error_code(std::errc::operation_not_supported), "it does not support CONNECT"};
    case 8:
        return {std::make_error_code(std::errc::address_family_not_supported), "it does not support such an address"};
    default: return {errc::refused, fmt::format("reply {}, which RFC 1928 does not know", reply)};
    }
}

class conversation {
public:
    conversation(connection& proxy, const socks5_proxy& which, const address& to, time_point deadline)
        : proxy_(proxy), which_(which), to_(to), deadline_(deadline) {}

    task<> run();

private:
    task<> choose_method();
    task<> authenticate();
    task<> find_port();
    task<> read_reply();
    /// The next bytes of the proxy, valid until the next read.
    task<bytes> read(std::size_t count);
    task<> write(std::string data);
    std::string destination() const;

    duration remaining() const noexcept { return time_left(deadline_, proxy_.owner().now()); }
    std::string of_proxy(std::string_view text) const
    {
        return fmt::format("the proxy {}: {}", to_string(which_.where()), text);
    }
    [[noreturn]] void refuse(std::error_code code, std::string_view why, phase during = phase::none) const
    {
        throw error(code, "connect to", to_string(to_), during, of_proxy(why));
    }
    [[noreturn]] void break_off(errc code, std::string_view why) const
    {
        throw protocol_error(code, "connect to", of_proxy(why), to_string(to_));
    }

    connection& proxy_;
    const socks5_proxy& which_;
    const address& to_;
    time_point deadline_;
    std::uint16_t port_ = 0;
};

task<bytes> conversation::read(std::size_t count)
{
    const auto got = co_await as_result(with_deadline(remaining(), proxy_.read_exactly(count)));
    if (!got && got.error().code() != errc::truncated)
        refuse(got.error().code(), got.error().code().message(),
               got.error().code() == errc::timed_out ? phase::handshake : phase::none);
    if (!got || (*got).empty())
        break_off(errc::truncated, "it closed the connection inside of its reply");
    co_return *got;
}

task<> conversation::write(std::string data)
{
    const auto sent = co_await as_result(with_deadline(remaining(), proxy_.write(data)));
    if (!sent)
        refuse(sent.error().code(), sent.error().code().message(),
               sent.error().code() == errc::timed_out ? phase::handshake : phase::none);
}

/// DST.ADDR of a request, with its type.
std::string conversation::destination() const
{
    if (const auto literal = parse_ip(to_.host())) {
        const auto octets = literal->address();
        std::string made(1, static_cast<char>(octets.size() == 4 ? ipv4 : ipv6));
        return made.append(octets.begin(), octets.end());
    }
    return fmt::format("{}{}{}", static_cast<char>(name), static_cast<char>(to_.host().size()), to_.host());
}

task<> conversation::run()
{
    const std::string asked_for = destination();
    co_await find_port();
    co_await choose_method();
    std::string request{static_cast<char>(version), 1 /* CONNECT */, 0};
    request += asked_for;
    request += static_cast<char>(port_ >> 8);
    request += static_cast<char>(port_ & 0xff);
    co_await write(std::move(request));
    co_await read_reply();
}

task<> conversation::find_port()
{
    port_ = to_.port();
    if (to_.service().empty())
        co_return;
    // Any address in text form: only the service is looked up.
    const auto found = co_await as_result(with_deadline(remaining(), resolve(tcp("127.0.0.1", to_.service()))));
    if (!found)
        throw error(found.error().code(), "resolve the service", to_.service(), found.error().phase(),
                    found.error().detail());
    port_ = (*found).front().port();
}

task<> conversation::choose_method()
{
    const bool has_user = !which_.user().empty();
    std::string greeting{static_cast<char>(version), static_cast<char>(has_user ? 2 : 1), no_authentication};
    if (has_user)
        greeting += static_cast<char>(by_password);
    co_await write(std::move(greeting));
    const bytes reply = co_await read(2);
    if (number(reply, 0) != version)
        break_off(errc::malformed, fmt::format("it does not speak SOCKS5, but version {}", number(reply, 0)));
    const unsigned method = number(reply, 1);
    if (method == none_acceptable)
        refuse(std::make_error_code(std::errc::permission_denied),
               has_user ? "it accepts neither nobody nor a user with a password" : "it wants to know who asks");
    if (method == by_password && has_user)
        co_await authenticate();
    else if (method != no_authentication)
        break_off(errc::malformed, fmt::format("it chose method {}, which it was not offered", method));
}

task<> conversation::authenticate()
{
    const std::string& user = which_.user();
    const std::string& password = which_.password();
    std::string request{static_cast<char>(password_version), static_cast<char>(user.size())};
    request += user;
    request += static_cast<char>(password.size());
    request += password;
    co_await write(std::move(request));
    const bytes reply = co_await read(2);
    if (number(reply, 0) != password_version)
        break_off(errc::malformed, fmt::format("version {} of its reply to a password", number(reply, 0)));
    if (number(reply, 1) != 0)
        refuse(std::make_error_code(std::errc::permission_denied), "it refuses the user or the password");
}

task<> conversation::read_reply()
{
    const bytes head = co_await read(4);
    if (number(head, 0) != version)
        break_off(errc::malformed, fmt::format("version {} of its reply", number(head, 0)));
    if (number(head, 1) != 0) {
        const refusal why = refusal_of(number(head, 1));
        refuse(why.code, why.text);
    }
    std::size_t rest = 2; // BND.PORT, which nobody needs, nor BND.ADDR
    switch (number(head, 3)) {
    case ipv4: rest += 4; break;
    case ipv6: rest += 16; break;
    case name: {
        const bytes length = co_await read(1);
        rest += number(length, 0);
        break;
    }
    default: break_off(errc::malformed, fmt::format("an address of type {}", number(head, 3)));
    }
    co_await read(rest);
}

} // namespace

void check_request(const socks5_proxy& which, const address& to)
{
    const auto refuse = [&](std::string_view why) {
        throw error(errc::malformed, "connect to", text::escape(to_string(to)), phase::none, std::string(why));
    };
    if (which.user().size() > 255 || which.password().size() > 255)
        refuse("the user and the password for a SOCKS5 proxy have at most 255 bytes each");
    if (which.user().empty() && !which.password().empty())
        refuse("a password for a SOCKS5 proxy needs a user");
    const std::optional<endpoint> literal = parse_ip(to.host());
    if (to.host().find(':') != std::string::npos && (!literal || literal->scope_id() != 0))
        refuse("a SOCKS5 proxy is given a name or an address without a zone");
    if (const std::string_view fault = fault_of_name(to.host()); !literal && !fault.empty())
        refuse(fault);
}

task<> ask_proxy(connection& proxy, const socks5_proxy& which, const address& to, time_point deadline)
{
    conversation asking(proxy, which, to, deadline);
    co_await asking.run();
}

} // namespace portico::detail
