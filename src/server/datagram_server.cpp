// datagram_server: the receive loops, their limits, and the session around each handler.
#include <portico/server/datagram_server.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <portico/core/deadline.hpp>
#include <utility>

namespace portico::inline v0_1 {

using namespace std::chrono_literals;

datagram_server::datagram_server(address where, datagram_handler serve, datagram_server_options options)
    : where_{std::move(where)}, serve_(std::move(serve)), options_(options)
{
}

datagram_server::datagram_server(std::vector<address> where, datagram_handler serve, datagram_server_options options)
    : where_(std::move(where)), serve_(std::move(serve)), options_(options)
{
}

task<> datagram_server::run()
{
    std::vector<datagram_socket> sockets = co_await open();
    co_await run(std::span(sockets));
}

task<std::vector<datagram_socket>> datagram_server::open() const
{
    std::vector<datagram_socket> sockets;
    for (const address& each : where_) {
        std::vector<datagram_socket> opened = co_await open_datagrams(each, options_.socket);
        std::ranges::move(opened, std::back_inserter(sockets));
    }
    co_return sockets;
}

task<> datagram_server::run(std::span<datagram_socket> sockets)
{
    if (on_open_)
        for (datagram_socket& each : sockets)
            on_open_(each);
    if (on_listening_) {
        std::vector<endpoint> endpoints;
        std::ranges::transform(sockets, std::back_inserter(endpoints), &datagram_socket::local_endpoint);
        on_listening_(endpoints);
    }
    running_ = sockets;
    co_await scope([&](task_group& sessions) -> task<> {
        for (datagram_socket& each : sockets)
            sessions.spawn(receive_from(each, sessions));
        co_return;
    });
}

/// What is around a handler.
class datagram_server::session {
public:
    session(datagram_server& server, cancel_scope& parent, datagram_socket& source, datagram&& what)
        : scope(parent), request(server, source, std::move(what), source.buffer_), server_(server)
    {
        ++server_.statistics_.open;
        server_.starting_ = this;
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session()
    {
        --server_.statistics_.open;
        if (server_.starting_ == this)
            server_.starting_ = nullptr;
        server_.ended_.set();
    }

    cancel_scope scope;
    packet request;

private:
    datagram_server& server_;
};

task<> datagram_server::receive_from(datagram_socket& source, task_group& sessions)
{
    context& own = co_await this_context();
    duration pause{};
    for (;;) {
        auto got = co_await as_result(source.receive_from());
        if (!got) {
            co_await recover(got.error(), pause);
            continue;
        }
        pause = {};
        ++statistics_.received;
        statistics_.truncated += got->truncated;
        if (is_full())
            co_await wait_for_room();
        sessions.spawn(serve(source, *got));
        if (starting_ != nullptr && options_.handler_timeout != no_timeout) // only a handler that waits needs a timer
            own.set_timer(starting_->scope, add(own.now(), options_.handler_timeout));
        starting_ = nullptr;
    }
}

bool datagram_server::is_full() const noexcept
{
    std::size_t kept = 0;
    for (const datagram_socket& each : running_)
        kept += each.buffer_.kept_bytes();
    return statistics_.open != 0 && (statistics_.open >= options_.max_handlers || kept >= options_.max_bytes);
}

// The packet that has been received waits in its buffer, and others in the system.
task<> datagram_server::wait_for_room()
{
    ++statistics_.pauses;
    while (is_full()) {
        ended_.reset();
        co_await ended_.wait();
    }
}

task<> datagram_server::recover(const error& failure, duration& pause)
{
    context& own = co_await this_context();
    ++statistics_.receive_errors;
    ++unreported_;
    if (own.now() - reported_ >= 1s) {
        own.report(report(fmt::format("{} (receiving pauses; {} failures since the last report)", failure.what(),
                                      unreported_)));
        reported_ = own.now();
        unreported_ = 0;
    }
    pause = std::clamp<duration>(pause * 2, 5ms, 1s);
    co_await sleep_for(pause);
}

task<> datagram_server::serve(datagram_socket& source, datagram& what)
{
    cancel_scope& outside = co_await detail::current_scope();
    session open(*this, outside, source, std::move(what));
    try {
        task<> running = serve_(open.request);
        co_await detail::in_scope<void>{running, open.scope};
    } catch (const cancelled&) {
        if (!open.scope.has_expired())
            throw;
        ++statistics_.timed_out;
    } catch (...) {
        report_failure(open.request, outside.owner());
    }
}

namespace {

// What peers and networks do every day, and nobody has to look into: the answer has nowhere to go.
bool is_lost_packet(const std::exception_ptr& cause, const std::string& peer)
{
    try {
        std::rethrow_exception(cause);
    } catch (const error& failure) {
        constexpr std::errc usual[] = {
            std::errc::connection_refused, std::errc::host_unreachable, std::errc::network_unreachable,
            std::errc::network_down, std::errc::operation_not_permitted, std::errc::permission_denied,
            std::errc::destination_address_required, std::errc::no_such_file_or_directory};
        return failure.target() == peer
            && std::ranges::any_of(usual, [&](std::errc each) { return failure.code() == each; });
    } catch (...) {
        return false;
    }
}

} // namespace

void datagram_server::report_failure(const packet& request, context& own)
{
    const std::exception_ptr cause = std::current_exception();
    const std::string peer = to_string(request.remote_endpoint());
    if (is_lost_packet(cause, peer)) {
        ++statistics_.lost;
        return;
    }
    ++statistics_.handler_errors;
    own.report(report("packet from " + peer + ": " + what_of(cause), cause));
}

} // namespace portico
