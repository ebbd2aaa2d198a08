// serving: accepting, its pauses, and draining.
#include "serving.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <new>

namespace portico::inline v0_1::detail {

using namespace std::chrono_literals;

namespace {

// A part of `whole`, at least 1; all parts together are `whole`.
std::size_t share(std::size_t whole, unsigned index, unsigned parts) noexcept
{
    return std::max<std::size_t>(whole / parts + (index < whole % parts ? 1 : 0), 1);
}

} // namespace

serving::serving(const server_setup& setup, ledger& accounts, context& own, unsigned index, unsigned parts)
    : setup_(setup), accounts_(accounts), own_(own), most_(share(setup.options.max_connections, index, parts)),
      most_handshakes_(share(setup.options.max_handshakes, index, parts)),
      streams_(*new stream_group(own, share(setup.options.max_buffered, index, parts)))
{
}

serving::~serving() = default;

task<> serving::run(acceptor source)
{
    cancel_scope& outside = co_await current_scope();
    cancel_scope sessions(outside);
    struct stop {
        serving& own;
        // Sessions that are left are those of a task that is destroyed unfinished.
        ~stop()
        {
            own.source_ = nullptr;
            own.soft_.unset();
            own.hard_.unset();
            while (!own.sessions_.empty())
                delete &own.sessions_.front();
            own.sessions_scope_ = nullptr;
            own.ended_.set();
        }
    } const at_the_end{*this};
    source_ = &source;
    sessions_scope_ = &sessions;
    std::exception_ptr failure;
    try {
        co_await accept_until_draining(source, outside);
        co_await wait_for_sessions();
    } catch (...) {
        failure = std::current_exception();
        sessions.cancel();
    }
    if (failure) {
        co_await shield(no_timeout, wait_for_sessions());
        std::rethrow_exception(failure);
    }
}

// Returns when the server drains, and then no longer listens.
task<> serving::accept_until_draining(acceptor& source, cancel_scope& outside)
{
    {
        cancel_scope accepting(outside);
        struct forget {
            serving& own;
            ~forget() { own.accepting_ = nullptr; }
        } const at_the_end{*this};
        accepting_ = &accepting;
        if (draining_)
            accepting.cancel();
        try {
            task<> loop = accept_from(source);
            co_await in_scope<void>{loop, accepting};
        } catch (const cancelled&) {
            if (outside.is_cancelled())
                throw;
        }
    }
    if (sockets_ == listening_sockets::close) {
        co_await accept_backlog(source);
        source.close();
    } else {
        for (const int each : source.release())
            descriptor(each).close();
    }
}

task<> serving::accept_from(acceptor& source)
{
    for (;;) {
        if (is_full())
            co_await wait_for_room();
        auto stream = co_await as_result(source.accept_stream());
        if (!stream) {
            co_await recover(stream.error());
            continue;
        }
        pause_ = {};
        open(std::move(*stream));
        while (!is_full() && own_.spend()) { // those who came together, as long as it is our turn
            transport_ptr next = source.try_accept_stream();
            if (!next)
                break;
            open(std::move(next));
        }
    }
}

// Those who wait have connected, and would be reset.
task<> serving::accept_backlog(acceptor& source)
{
    std::size_t most = source.native_handles().size() * static_cast<std::size_t>(std::max(setup_.options.backlog, 1));
    while (!is_full() && most-- != 0 && !sessions_scope_->is_cancelled()) {
        auto stream = co_await as_result(with_deadline(duration(0), source.accept_stream()));
        if (!stream)
            co_return;
        open(std::move(*stream));
    }
}

void serving::open(transport_ptr stream)
{
    session* made = nullptr;
    try {
        made = new session(*this, std::move(stream));
    } catch (const std::bad_alloc&) {
        accounts_.note([](server_statistics& all) { ++all.accept_errors.memory; });
        return; // the connection is closed: there is nothing to serve it with
    }
    sessions_.push_back(*made);
    ++open_;
    accounts_.note([](server_statistics& all) {
        ++all.accepted;
        ++all.open;
    });
    made->start();
}

void serving::on_session_ended(session_end how) noexcept
{
    --open_;
    closed_.set();
    if (draining_ && how != session_end::refused) [[unlikely]]
        ++(how == session_end::aborted     ? report_.aborted
           : how == session_end::cancelled ? report_.cancelled
                                           : report_.finished);
}

void serving::on_handshake_ended() noexcept
{
    --handshakes_;
    closed_.set();
}

task<> serving::wait_for_room()
{
    while (is_full()) {
        closed_.reset();
        co_await closed_.wait();
    }
}

task<> serving::wait_for_sessions()
{
    while (open_ != 0) {
        closed_.reset();
        co_await closed_.wait();
    }
}

namespace {

std::uint64_t& counter_of(server_statistics& all, const std::error_code& code) noexcept
{
    switch (code.value()) {
    case EMFILE: return all.accept_errors.process_descriptors;
    case ENFILE: return all.accept_errors.system_descriptors;
    case ENOBUFS: case ENOMEM: return all.accept_errors.memory;
    default: return all.accept_errors.other;
    }
}

} // namespace

// Descriptors or memory have run out. The clients wait in the backlog; a session that ends makes room.
task<> serving::recover(const error& failure)
{
    accounts_.note([&](server_statistics& all) { ++counter_of(all, failure.code()); });
    ++unreported_;
    if (own_.now() - reported_ >= 1s) {
        own_.report(report(fmt::format("{} (accepting pauses, clients wait; {} failures since the last report)",
                                       failure.what(), unreported_)));
        reported_ = own_.now();
        unreported_ = 0;
    }
    pause_ = std::clamp<duration>(pause_ * 2, 5ms, 1s);
    closed_.reset();
    (void)co_await as_result(with_deadline(pause_, closed_.wait()));
}

task<drain_report> serving::drain(duration soft, duration hard, listening_sockets sockets)
{
    if (!std::exchange(draining_, true)) {
        sockets_ = sockets;
        streams_->draining().set();
        if (accepting_ != nullptr)
            accepting_->cancel();
    }
    const time_point now = own_.now();
    soft_.set(add(now, std::min(soft, hard)));
    hard_.set(add(now, hard));
    co_await ended_.wait();
    co_return report_;
}

void serving::limit::set(time_point moment) noexcept
{
    if (is_set() && expiry() <= moment)
        return;
    unset();
    if (moment != time_point::max())
        owner_.own_.set_timer(*this, moment);
}

void serving::cancel_sessions() noexcept
{
    if (sessions_scope_ != nullptr)
        sessions_scope_->cancel();
}

void serving::abort_sessions() noexcept
{
    sessions_.for_each([](session& each) { each.abort(); });
    if (!sessions_.empty())
        hard_.set(add(own_.now(), 100ms));
}

std::vector<session_info> serving::inspect()
{
    std::vector<session_info> found;
    found.reserve(open_);
    const time_point now = own_.now();
    sessions_.for_each([&](session& each) { found.push_back(each.inspect(now)); });
    return found;
}

std::vector<int> serving::native_handles() const
{
    return source_ == nullptr ? std::vector<int>() : source_->native_handles();
}

} // namespace portico::detail
