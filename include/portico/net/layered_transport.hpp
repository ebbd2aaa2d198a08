// layered_transport: a transport over another one, from which it has its addresses and options. What becomes of the
// bytes is not inherited: none may go past a layer that encrypts them.
#pragma once

#include <portico/net/transport.hpp>

namespace portico::inline v0_1 {

/// What transports over others do alike.
class layered_transport : public transport {
public:
    /// The transport that it lies over; to be set before anything else is done.
    transport_ptr below;

    endpoint local_endpoint() const noexcept override { return below->local_endpoint(); }
    endpoint remote_endpoint() const noexcept override { return below->remote_endpoint(); }
    int native_handle() const noexcept override { return below->native_handle(); }
    std::error_code set_option(int level, int name, bytes value) noexcept override
    {
        return below->set_option(level, name, value);
    }
    std::error_code get_option(int level, int name, std::span<char> value, std::size_t& size) const noexcept override
    {
        return below->get_option(level, name, value, size);
    }
};

} // namespace portico
