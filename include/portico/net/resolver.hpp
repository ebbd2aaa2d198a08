// resolve: from the name of a host to endpoints.
#pragma once

#include <memory>
#include <optional>
#include <portico/core/context.hpp>
#include <portico/net/endpoint.hpp>
#include <string_view>
#include <vector>

namespace portico {

/// An IPv4 or IPv6 address in its usual text form, with a numeric zone behind `%` (RFC 4007); nothing else is looked
/// up. None where the text is no address.
std::optional<endpoint> parse_ip(std::string_view text, std::uint16_t port = 0);

class resolving;
/// The endpoints of a host, in the order in which the system wants them tried. An address in text form needs no
/// look-up; every other name is asked for as all programs of the system ask (getaddrinfo), on threads that never hold
/// up the program's end. Where the system does not know `localhost`, it is the loopback addresses (RFC 6761). Fails with
/// the resolver's reason; a cancelled or late look-up is abandoned.
[[nodiscard]] resolving resolve(address where);

class resolving final : public timed_operation {
public:
    explicit resolving(address where) noexcept;
    ~resolving();
    std::vector<endpoint> value() { return std::move(found_); }

private:
    struct request;
    bool attempt() noexcept override;
    void arm() noexcept override;
    void disarm() noexcept override;
    error describe(std::error_code code) const override;

    address where_;
    std::shared_ptr<request> request_;
    std::vector<endpoint> found_;
};

inline resolving resolve(address where)
{
    return resolving(std::move(where));
}

/// The category of what getaddrinfo reports (EAI_NONAME and its kin).
const std::error_category& resolver_category() noexcept;

} // namespace portico
