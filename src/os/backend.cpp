// os_backend: the event loop, the alarm, signals, and what opens sockets.
#include "backend.hpp"

#include "socket_datagram.hpp"
#include "socket_listener.hpp"
#include "socket_transport.hpp"

#include <array>
#include <net/if.h>
#include <portico/core/context.hpp>
#include <sys/random.h>
#include <unistd.h>

namespace portico::inline v0_1 {

std::unique_ptr<backend> make_os_backend()
{
    return std::make_unique<os::backend>();
}

} // namespace portico

namespace portico::inline v0_1::os {

// UNSAFE_IO: other threads only post to this loop, and never touch its sockets and timers.
backend::backend()
    : own_loop_(std::make_unique<asio::io_context>(ASIO_CONCURRENCY_HINT_UNSAFE_IO)), loop_(*own_loop_), alarm_(loop_)
{
    link_->target = this;
}

backend::backend(asio::io_context& loop, bool several_threads) : loop_(loop), alarm_(loop)
{
    link_->target = this;
    if (several_threads)
        strand_.emplace(loop.get_executor());
}

backend::~backend()
{
    const std::lock_guard lock(link_->mutex);
    link_->target = nullptr;
    link_->owner = nullptr;
}

void backend::attach(context& owner)
{
    link_->owner = &owner;
}

void backend::set_alarm(time_point instant)
{
    alarm_.expires_at(instant);
    if (instant == time_point::max())
        return;
    in_sequence([&](auto&& bound) { alarm_.async_wait(std::forward<decltype(bound)>(bound)); },
                [own = link_](const std::error_code& code) {
                    if (!code && own->owner != nullptr)
                        own->owner->on_alarm();
                });
}

void backend::set_working(bool on) noexcept
{
    work_.reset();
    if (on)
        work_.emplace(loop_.get_executor());
}

void backend::request_run()
{
    const auto run = [own = link_] {
        if (own->owner != nullptr)
            own->owner->run_ready();
    };
    post(run);
}

unique_function<void(unique_function<void()>)> backend::poster()
{
    return [own = link_](unique_function<void()> function) {
        const std::lock_guard lock(own->mutex);
        if (own->target == nullptr)
            return;
        auto run = [own, function = std::move(function)] {
            if (own->owner != nullptr)
                function();
        };
        own->target->post(std::move(run));
    };
}

void backend::watch_signals(const std::vector<int>& numbers, unique_function<void(int)> handler)
{
    on_signal_ = std::make_shared<const unique_function<void(int)>>(std::move(handler));
    signals_.emplace(loop_);
    for (const int each : numbers)
        signals_->add(each);
    if (!numbers.empty())
        watch_next_signal();
}

void backend::watch_next_signal()
{
    in_sequence([&](auto&& bound) { signals_->async_wait(std::forward<decltype(bound)>(bound)); },
                [this, own = link_](const std::error_code& code, int number) {
                    if (code || own->owner == nullptr)
                        return;
                    watch_next_signal();
                    own->owner->begin_turn();
                    const auto handler = on_signal_; // which may replace itself
                    (*handler)(number);
                });
}

void backend::run()
{
    const auto guard = asio::make_work_guard(loop_);
    loop_.restart();
    loop_.run();
}

result<transport_ptr> backend::connect(const endpoint& to, const connect_options& options)
{
    return socket_transport::connect(*this, to, options);
}

result<listener_ptr> backend::listen(const endpoint& at, const listen_options& options)
{
    return socket_listener::open(*this, at, options);
}

result<datagram_transport_ptr> backend::open_datagram(const endpoint& at, const datagram_options& options)
{
    return socket_datagram::open(*this, at, options);
}

result<std::pair<transport_ptr, transport_ptr>> backend::open_pair()
{
    int handles[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, handles) != 0)
        return error(last_error(), "open a pair of sockets");
    const endpoint unnamed = endpoint::local({});
    transport_ptr near(new socket_transport(*this, descriptor(handles[0]), unnamed));
    transport_ptr far(new socket_transport(*this, descriptor(handles[1]), unnamed));
    return std::pair(std::move(near), std::move(far));
}

result<transport_ptr> backend::adopt_stream(int handle)
{
    std::error_code code = check_type(handle, SOCK_STREAM);
    const endpoint remote = remote_endpoint_of(handle);
    if (!code && remote.family() == endpoint::family::none)
        code = std::make_error_code(std::errc::not_connected);
    if (!code)
        code = make_non_blocking(handle);
    if (code)
        return error(code, "adopt a stream socket", "descriptor " + std::to_string(handle));
    return transport_ptr(new socket_transport(*this, descriptor(handle), remote));
}

result<listener_ptr> backend::adopt_listener(int handle)
{
    return socket_listener::adopt(*this, handle);
}

result<datagram_transport_ptr> backend::adopt_datagram(int handle)
{
    return socket_datagram::adopt(*this, handle);
}

void backend::resolve(const resolve_query& query, resolved done)
{
    resolver_.resolve(query, in_loop(std::move(done)));
}

void backend::resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done)
{
    resolver_.resolve_names(which, in_loop(std::move(done)));
}

endpoint backend::source_for(const endpoint& to) noexcept
{
    // Connecting a datagram socket sends nothing: the system only looks at its routes.
    const descriptor probe = open_socket(to, SOCK_DGRAM);
    const socket_address where(to);
    if (!probe || ::connect(probe.get(), where.data(), where.size) != 0)
        return {};
    return local_endpoint_of(probe.get());
}

result<std::vector<network_interface>> backend::interfaces()
{
    const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> list(::if_nameindex(), ::if_freenameindex);
    if (!list)
        return error(last_error(), "list network interfaces");
    std::vector<network_interface> found;
    for (const struct if_nameindex* each = list.get(); each->if_index != 0; ++each)
        found.push_back({each->if_index, each->if_name});
    return found;
}

result<std::string> backend::host_name()
{
    std::array<char, 256> name{}; // HOST_NAME_MAX is 64 on Linux, 255 elsewhere
    if (::gethostname(name.data(), name.size() - 1) != 0)
        return error(last_error(), "ask for the host name");
    return std::string(name.data());
}

result<void> backend::run_on_thread(unique_function<void()> blocking)
{
    if (const std::error_code refused = blocking_.run(std::move(blocking)))
        return error(refused, "start a thread");
    return {};
}

void backend::random(std::span<std::byte> destination)
{
    while (!destination.empty()) {
        const ssize_t got = ::getrandom(destination.data(), destination.size(), 0);
        if (got > 0)
            destination = destination.subspan(static_cast<std::size_t>(got));
        else if (errno != EINTR)
            throw std::system_error(last_error(), "getrandom");
    }
}

} // namespace portico::os
