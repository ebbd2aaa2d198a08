// session: the proxy's header, handshake, handler, finish; each a task, of which the session is the owner.
#include "session.hpp"

#include "serving.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <portico/core/await_stack.hpp>
#include <portico/net/proxy_protocol.hpp>

namespace portico::inline v0_1::detail {

session::session(serving& server, transport_ptr stream)
    : server_(server), scope_(server.sessions_scope(), server.setup().options.session_timeout),
      peer_(server.streams(), std::move(stream)), accepted_(server.owner().now())
{
    peer_.timeout(server.setup().options.timeout);
}

session::~session()
{
    if (running_ != nullptr)
        running_->handle().destroy();
    if (!settled_)
        settle(session_end::cancelled);
}

void session::start() noexcept
{
    try {
        if (!server_.setup().proxies.empty()) [[unlikely]]
            return begin_proxy_header();
        proceed();
    } catch (...) {
        report_failure(std::current_exception()); // no memory
        refuse(&server_statistics::refused::by_handshake);
    }
}

void session::begin_proxy_header()
{
    const endpoint proxy = peer_.remote_endpoint();
    const auto& trusted = server_.setup().proxies;
    if (std::ranges::none_of(trusted, [&](const network& each) { return each.contains(proxy); }))
        return refuse(&server_statistics::refused::untrusted);
    run(stage::proxy, with_deadline(time_before_handler(), read_header()));
}

task<> session::read_header()
{
    const proxy_header header = co_await read_proxy_header(peer_);
    apply_proxy_header(peer_, header);
    limited_ = !header.is_local(); // a proxy is not counted as a client
}

duration session::time_before_handler() const noexcept
{
    return time_left(add(accepted_, server_.setup().options.handshake_timeout), server_.owner().now());
}

// The peer is known: whether it is served. After the handshake, or where there is none, its handler.
void session::proceed() noexcept
{
    const server_setup& setup = server_.setup();
    try {
        if (stage_ == stage::proxy) {
            if (limited_ && !server_.accounts().enter(peer_.remote_endpoint(), place_))
                return refuse(&server_statistics::refused::by_address_limit);
            if (setup.verify && !setup.verify(peer_))
                return refuse(&server_statistics::refused::by_verify);
            if (setup.handshake)
                return begin_handshake();
        }
        announced_ = true;
        if (setup.on_accept)
            setup.on_accept(peer_);
        run(stage::handler, setup.handler(peer_));
    } catch (...) {
        on_handler_failed(std::current_exception());
    }
}

void session::begin_handshake()
{
    task<> work = shake_hands();
    server_.on_handshake_begun();
    run(stage::handshake, std::move(work));
}

task<> session::shake_hands()
{
    const auto done = co_await as_result(with_deadline(time_before_handler(), server_.setup().handshake(peer_)));
    if (!done && done.error().phase() == phase::total)
        throw error(errc::timed_out, "handshake with", to_string(peer_.remote_endpoint()), phase::handshake);
    done.value();
}

void session::run(stage which, task<> work) noexcept
{
    stage_ = which;
    promise_base& root = work.release().promise();
    root.owner = this;
    root.scope = &scope_;
    running_ = &root;
    resume(root); // which may have ended the session
}

void session::on_done(promise_base& ended) noexcept
{
    const auto handle = std::coroutine_handle<task_promise<void>>::from_address(ended.handle().address());
    const std::exception_ptr failure = handle.promise().failure();
    handle.destroy();
    running_ = nullptr;
    switch (stage_) {
    case stage::handshake:
        stage_ = stage::handler;
        server_.on_handshake_ended();
        [[fallthrough]];
    case stage::proxy: return failure ? on_handshake_failed(failure) : proceed();
    case stage::handler:
        if (failure)
            return on_handler_failed(failure);
        if (scope_.is_cancelled() && !scope_.has_expired())
            return end(session_end::cancelled);
        if (!peer_.is_open())
            return end(session_end::served);
        return run(stage::finish, peer_.finish(server_.setup().options.finish));
    case stage::finish: return end(session_end::served);
    }
}

namespace {

enum class failure_kind { cancelled, lost, timed_out, other };

// TLS that was cut off, and not a line or block at whose end there was one of the stream.
bool has_failed(const connection& which)
{
    return which.current_transport() != nullptr && !which.current_transport()->failure_detail().empty();
}

// What peers and networks do every day, and nobody has to look into, is no failure of the handler.
failure_kind kind_of(const std::exception_ptr& failure, const connection& peer)
{
    try {
        std::rethrow_exception(failure);
    } catch (const cancelled&) {
        return failure_kind::cancelled;
    } catch (const error& each) {
        if (each.target() != to_string(peer.remote_endpoint()))
            return failure_kind::other;
        if (each.code() == errc::timed_out || each.code() == std::errc::timed_out)
            return failure_kind::timed_out;
        const bool is_lost = each.code() == std::errc::connection_reset || each.code() == std::errc::broken_pipe
                          || (each.code() == errc::truncated && has_failed(peer));
        return is_lost ? failure_kind::lost : failure_kind::other;
    } catch (...) {
        return failure_kind::other;
    }
}

} // namespace

void session::on_handler_failed(const std::exception_ptr& failure) noexcept
{
    switch (kind_of(failure, peer_)) {
    case failure_kind::cancelled: return end(scope_.has_expired() ? session_end::timed_out : session_end::cancelled);
    case failure_kind::lost: return end(session_end::lost, failure);
    case failure_kind::timed_out: return end(session_end::timed_out, failure);
    case failure_kind::other: report_failure(failure); return end(session_end::failed, failure);
    }
}

void session::on_handshake_failed(const std::exception_ptr& failure) noexcept
{
    if (scope_.is_cancelled())
        return end(session_end::cancelled);
    refuse(&server_statistics::refused::by_handshake, failure);
}

void session::report_failure(const std::exception_ptr& failure) noexcept
{
    if (server_.setup().on_error)
        return server_.setup().on_error(peer_, failure);
    const std::string who = "connection from " + to_string(peer_.remote_endpoint());
    server_.owner().report(report(who + ": " + what_of(failure), failure));
}

void session::refuse(std::uint64_t server_statistics::refused::*reason, const std::exception_ptr& failure) noexcept
{
    server_.accounts().note([&](server_statistics& all) { ++(all.refused.*reason); });
    end(session_end::refused, failure);
}

void session::abort() noexcept
{
    peer_.abort();
    aborted_ = true;
    bool is_abandonable = true;
    scope_.for_each_waiting([&](const operation& each) { is_abandonable = is_abandonable && each.is_abandonable(); });
    if (!is_abandonable)
        return;
    if (running_ != nullptr)
        std::exchange(running_, nullptr)->handle().destroy();
    end(session_end::aborted);
}

namespace {

void account(server_statistics& all, session_end how, duration length) noexcept
{
    switch (how) {
    case session_end::served: ++all.served; break;
    case session_end::refused: return;
    case session_end::lost: ++all.lost; break;
    case session_end::timed_out: ++all.timed_out; break;
    case session_end::failed: ++all.handler_errors; break;
    case session_end::cancelled: ++all.cancelled; break;
    case session_end::aborted: ++all.aborted; break;
    }
    std::size_t index = 0;
    while (length >= duration_histogram::bound(index))
        ++index;
    ++all.durations.counts[index];
}

} // namespace

duration session::settle(session_end how) noexcept
{
    const duration length = server_.owner().now() - accepted_;
    settled_ = true;
    if (stage_ == stage::handshake) [[unlikely]]
        server_.on_handshake_ended();
    if (peer_.is_open())
        peer_.close();
    server_.accounts().leave(place_, [&](server_statistics& all) {
        --all.open;
        all.bytes_read += peer_.bytes_read();
        all.bytes_written += peer_.bytes_written();
        account(all, how, length);
    });
    return length;
}

void session::end(session_end how, const std::exception_ptr& failure) noexcept
{
    if (aborted_)
        how = session_end::aborted;
    const duration length = settle(how);
    const bool was_shaking_hands = !announced_ && how == session_end::refused && failure;
    const auto& hook = announced_ ? server_.setup().on_close : server_.setup().on_handshake_failed;
    if (hook && (announced_ || was_shaking_hands)) {
        const endpoint remote = peer_.remote_endpoint();
        hook(closed_session{remote, length, peer_.bytes_read(), peer_.bytes_written(), how, failure});
    }
    serving& server = server_;
    delete this;
    server.on_session_ended(how);
}

namespace {

// The handler may have set an earlier limit around an operation, or the server around the session.
time_point expiry_of(const operation& which)
{
    time_point earliest = which.deadline();
    for (const cancel_scope* each = which.waiting()->scope; each != nullptr; each = each->parent())
        if (each->is_set())
            earliest = std::min(earliest, each->expiry());
    return earliest;
}

} // namespace

session_info session::inspect(time_point now)
{
    session_info found;
    found.remote = peer_.remote_endpoint();
    found.local = peer_.local_endpoint();
    found.age = now - accepted_;
    found.bytes_read = peer_.bytes_read();
    found.bytes_written = peer_.bytes_written();
    scope_.for_each_waiting([&](const operation& each) {
        const duration remaining = time_left(expiry_of(each), now);
        found.waits.push_back({each.description(), now - each.since(), remaining, await_stack(each)});
    });
    return found;
}

} // namespace portico::detail
