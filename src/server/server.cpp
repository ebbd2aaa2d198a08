// server: the accept loop, its limits, and the session around each handler.
#include <portico/server/server.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace portico::inline v0_1 {

using namespace std::chrono_literals;

server::server(address where, handler serve, server_options options)
    : where_{std::move(where)}, serve_(std::move(serve)), options_(options)
{
}

server::server(std::vector<address> where, handler serve, server_options options)
    : where_(std::move(where)), serve_(std::move(serve)), options_(options)
{
}

task<> server::run()
{
    context& own = co_await this_context();
    acceptor source(own, {});
    listen_options how;
    how.backlog = options_.backlog;
    how.mode = options_.mode;
    for (const address& each : where_)
        source.add(co_await listen(each, how));
    co_await run(std::move(source));
}

task<> server::run(acceptor source)
{
    if (on_listening_)
        on_listening_(source.local_endpoints());
    co_await scope([&](task_group& sessions) -> task<> { co_await accept_from(source, sessions); });
}

task<> server::accept_from(acceptor& source, task_group& sessions)
{
    for (;;) {
        if (statistics_.open >= options_.max_connections)
            co_await wait_for_room();
        auto stream = co_await as_result(source.accept_stream());
        if (stream) {
            pause_ = {};
            sessions.spawn(session(sessions.scope().owner(), std::move(*stream)));
        } else {
            co_await recover(stream.error());
        }
    }
}

task<> server::wait_for_room()
{
    while (statistics_.open >= options_.max_connections) {
        closed_.reset();
        co_await closed_.wait();
    }
}

// Descriptors or memory have run out. The clients wait in the backlog; a session that ends makes room.
task<> server::recover(const error& failure)
{
    context& own = co_await this_context();
    ++statistics_.accept_errors;
    ++unreported_;
    if (own.now() - reported_ >= 1s) {
        own.report(report(fmt::format("{} (accepting pauses, clients wait; {} failures since the last report)",
                                      failure.what(), unreported_)));
        reported_ = own.now();
        unreported_ = 0;
    }
    pause_ = std::clamp<duration>(pause_ * 2, 5ms, 1s);
    closed_.reset();
    (void)co_await as_result(with_deadline(pause_, closed_.wait()));
}

class server::open_session {
public:
    explicit open_session(server& owner) noexcept : owner_(owner)
    {
        ++owner_.statistics_.accepted;
        ++owner_.statistics_.open;
    }
    open_session(const open_session&) = delete;
    open_session& operator=(const open_session&) = delete;
    ~open_session()
    {
        --owner_.statistics_.open;
        owner_.closed_.set();
    }

private:
    server& owner_;
};

task<> server::session(context& own, transport_ptr stream)
{
    const open_session counted(*this);
    connection peer(own, std::move(stream));
    peer.timeout(options_.timeout);
    bool served = false;
    try {
        if (on_accept_)
            on_accept_(peer);
        co_await serve_(peer);
        served = true;
    } catch (const cancelled&) {
        throw;
    } catch (...) {
        report_failure(peer);
    }
    if (served && peer.is_open())
        co_await peer.finish(options_.finish);
}

namespace {

// What peers and networks do every day, and nobody has to look into.
bool is_lost_connection(const std::exception_ptr& cause, const std::string& peer)
{
    try {
        std::rethrow_exception(cause);
    } catch (const error& failure) {
        return failure.target() == peer
            && (failure.code() == errc::timed_out || failure.code() == std::errc::connection_reset
                || failure.code() == std::errc::broken_pipe || failure.code() == std::errc::timed_out);
    } catch (...) {
        return false;
    }
}

} // namespace

void server::report_failure(const connection& peer)
{
    const std::exception_ptr cause = std::current_exception();
    const std::string address = to_string(peer.remote_endpoint());
    if (is_lost_connection(cause, address)) {
        ++statistics_.lost;
        return;
    }
    ++statistics_.handler_errors;
    const std::string who = "connection from " + address;
    try {
        throw;
    } catch (const std::exception& failure) {
        peer.owner().report(report(who + ": " + failure.what(), cause));
    } catch (...) {
        peer.owner().report(report(who + ": an exception of an unknown type", cause));
    }
}

} // namespace portico
