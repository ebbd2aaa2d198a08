// readiness: waiting through Asio until a descriptor can be read or written. A descriptor is given to Asio only when
// something must first wait for it: a connection that is answered at once costs no registration.
#pragma once

#include "backend.hpp"
#include "socket.hpp"

#include <array>
#include <portico/core/context.hpp>
#include <portico/net/transport.hpp>

namespace portico::inline v0_1::os {

/// Base of what waits for a descriptor of its own. Counted: Asio's handlers hold it, so that a wait may be abandoned,
/// or the descriptor closed, while they are still to come.
class readiness {
public:
    readiness(backend& outside, descriptor handle) noexcept : backend_(&outside), number_(handle.get()), handle_(std::move(handle)) {}
    readiness(const readiness&) = delete;
    readiness& operator=(const readiness&) = delete;

    backend& outside() const noexcept { return *backend_; }
    int handle() const noexcept { return number_; }
    void wait_for(direction which, operation& waiter) noexcept;
    void forget(direction which) noexcept;
    void close_handle() noexcept;
    /// Gives the descriptor up, which the loop then knows no longer.
    int take_handle() noexcept;
    void drop() noexcept;

    /// Set when the event loop says so; for the owner to clear.
    bool readable = true;
    /// An errno value that the event loop reported in place of readiness.
    int failure = 0;

protected:
    virtual ~readiness() = default;

private:
    using asio_socket = asio::basic_stream_socket<asio::generic::stream_protocol, backend::executor>;
    class handler;
    bool register_with_loop() noexcept;
    void on_ready(direction which, const std::error_code& code) noexcept;
    void cancel_unawaited() noexcept;

    backend* backend_;
    int number_;
    descriptor handle_; // until the loop's socket owns it
    std::optional<asio_socket> socket_;
    std::array<operation*, 2> waiters_{};
    std::array<bool, 2> armed_{};
    unsigned references_ = 1;
};

/// What every socket of the system does alike: `Interface` is transport, listener or datagram_transport.
template <class Interface>
class os_socket : public Interface, public readiness {
public:
    using readiness::readiness;

    void wait(direction which, operation& waiter) noexcept override { wait_for(which, waiter); }
    void abandon(direction which) noexcept override { forget(which); }
    void close() noexcept override { close_handle(); }
    endpoint local_endpoint() const noexcept override { return local_endpoint_of(handle()); }
    int native_handle() const noexcept override { return handle(); }
    int release_handle() noexcept override { return take_handle(); }
    std::error_code set_option(int level, int name, bytes value) noexcept override
    {
        return os::set_option(handle(), level, name, value);
    }
    std::error_code get_option(int level, int name, std::span<char> value, std::size_t& size) const noexcept override
    {
        return os::get_option(handle(), level, name, value, size);
    }
    void release() noexcept override
    {
        close();
        drop();
    }
};

} // namespace portico::os
