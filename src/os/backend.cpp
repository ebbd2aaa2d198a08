// os_backend: the event loop, the alarm, signals, and what opens sockets.
#include "backend.hpp"

#include "socket_listener.hpp"
#include "socket_transport.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <portico/core/context.hpp>
#include <sys/random.h>

namespace portico {

std::unique_ptr<backend> make_os_backend()
{
    return std::make_unique<os::backend>();
}

} // namespace portico

namespace portico::os {

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
    in_sequence([&](auto&& bound) { alarm_.async_wait(std::move(bound)); },
                [own = link_](const std::error_code& code) {
                    if (!code && own->owner != nullptr)
                        own->owner->on_alarm();
                });
}

void backend::request_run()
{
    const auto run = [own = link_] {
        if (own->owner != nullptr)
            own->owner->run_ready();
    };
    if (strand_)
        asio::post(*strand_, run);
    else
        asio::post(loop_, run);
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
        if (own->target->strand_)
            asio::post(*own->target->strand_, std::move(run));
        else
            asio::post(own->target->loop_, std::move(run));
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
    in_sequence([&](auto&& bound) { signals_->async_wait(std::move(bound)); },
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

result<transport_ptr> backend::connect(const endpoint& to, const connect_options&)
{
    const int family = to.family() == endpoint::family::ipv6 ? AF_INET6 : AF_INET;
    descriptor handle(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!handle)
        return error(last_error(), "connect to", to_string(to));
    set_option(handle.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(handle.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    socket_address where = to_sockaddr(to);
    int code;
    do
        code = ::connect(handle.get(), where.data(), where.size);
    while (code != 0 && errno == EINTR);
    if (code != 0 && errno != EINPROGRESS)
        return error(last_error(), "connect to", to_string(to));
    return transport_ptr(new socket_transport(*this, std::move(handle), to));
}

result<std::unique_ptr<listener>> backend::listen(const endpoint& at, const listen_options& options)
{
    return socket_listener::open(*this, at, options);
}

void backend::resolve(const std::string& host, std::uint16_t port, resolved done)
{
    auto shared = std::make_shared<const resolved>(std::move(done));
    resolver_.resolve(host, port, [post = poster(), shared](result<std::vector<endpoint>> answer) {
        post([shared, answer = std::move(answer)] { (*shared)(answer); });
    });
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
