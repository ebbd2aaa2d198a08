// connect: one attempt, and a race of several (RFC 8305).
#include <portico/net/connector.hpp>

#include "address_selection.hpp"
#include "socks5.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <netdb.h>
#include <portico/core/event.hpp>

namespace portico::inline v0_1 {

namespace {

/// Waits until a transport that is connecting has succeeded or failed.
class connecting final : public timed_operation {
public:
    connecting(transport& stream, const endpoint& to, duration timeout) noexcept
        : timed_operation(timeout), stream_(stream), to_(to) {}
    ~connecting() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override
    {
        if (!std::exchange(started_, true))
            return false;
        if (const std::error_code code = stream_.connect_result())
            fail(code.value());
        return true;
    }
    void arm() noexcept override { stream_.wait(direction::write, *this); }
    void disarm() noexcept override { stream_.abandon(direction::write); }
    error describe(std::error_code code) const override
    {
        return {code, "connect to", to_string(to_), code == errc::timed_out ? phase::connect : phase::none};
    }

    transport& stream_;
    const endpoint& to_;
    bool started_ = false;
};

/// A Unix socket whose backlog is full does not tell when there is room again: connect(2), EAGAIN.
bool is_full(const endpoint& to, const error& failure) noexcept
{
    return to.family() == endpoint::family::local && failure.code() == std::errc::resource_unavailable_try_again;
}

task<transport_ptr> open(endpoint to, const connect_options& options, time_point deadline)
{
    using namespace std::chrono_literals;
    context& own = co_await this_context();
    const endpoint& source = options.source;
    if (source.family() != endpoint::family::none && source.family() != to.family())
        throw error(std::make_error_code(std::errc::address_family_not_supported), "connect to", to_string(to),
                    phase::none, "the source address " + to_string(source) + " is of another family");
    for (duration pause = 1ms;; pause = std::min<duration>(2 * pause, 100ms)) {
        auto stream = own.backend().connect(to, options);
        if (stream) {
            co_await connecting(**stream, to, time_left(deadline, own.now()));
            co_return std::move(*stream);
        }
        if (!is_full(to, stream.error()))
            stream.error().raise();
        co_await sleep_for(std::min(pause, time_left(deadline, own.now())));
        if (own.now() >= deadline)
            throw error(errc::timed_out, "connect to", to_string(to), phase::connect);
    }
}

/// The addresses of a name, and the attempts to connect to them.
class race {
public:
    race(context& own, const address& to, const connect_options& options)
        : own_(own), to_(to), options_(options), deadline_(add(own.now(), options.timeout)) {}

    task<transport_ptr> run();

private:
    task<> look_up(resolve_query::family which);
    task<> attempt(endpoint to);
    task<> start_attempts(task_group& group);
    void add_addresses(const std::vector<endpoint>& found);
    [[noreturn]] void fail() const;

    context& own_;
    const address& to_;
    const connect_options& options_;
    time_point deadline_;
    task_group* group_ = nullptr;
    event changed_;
    unsigned pending_ = 0; // look-ups and attempts
    bool ipv6_answered_ = false;
    std::vector<detail::destination> untried_;
    enum endpoint::family tried_ = endpoint::family::none; // last
    time_point next_ = time_point::max(); // when the next attempt begins
    std::vector<error> failures_; // of look-ups and attempts, as they came
    transport_ptr winner_;
};

task<transport_ptr> race::run()
{
    co_await scope([this](task_group& group) -> task<> {
        group_ = &group;
        using family = resolve_query::family;
        ipv6_answered_ = options_.only == family::ipv4;
        if (options_.only != family::ipv4)
            group.spawn(look_up(family::ipv6));
        if (options_.only != family::ipv6)
            group.spawn(look_up(family::ipv4));
        co_await start_attempts(group);
    });
    if (winner_ == nullptr)
        fail();
    co_return std::move(winner_);
}

task<> race::look_up(resolve_query::family which)
{
    ++pending_;
    const auto found = co_await as_result(with_deadline(time_left(deadline_, own_.now()), resolve(to_, which)));
    --pending_;
    ipv6_answered_ |= which == resolve_query::family::ipv6;
    if (found)
        add_addresses(*found);
    else
        failures_.push_back(found.error());
    if (tried_ == endpoint::family::none)
        next_ = ipv6_answered_ ? own_.now() : add(own_.now(), options_.resolution_delay);
    changed_.set();
}

void race::add_addresses(const std::vector<endpoint>& found)
{
    for (const endpoint& each : found)
        untried_.push_back({each, own_.backend().source_for(each)});
    detail::sort_by_preference(untried_);
}

task<> race::start_attempts(task_group& group)
{
    for (;;) {
        const time_point now = own_.now();
        const bool more = !untried_.empty() && now < deadline_;
        if (more && now >= next_) {
            next_ = add(now, options_.attempt_delay);
            group.spawn(attempt(detail::take_next(untried_, tried_)));
            continue;
        }
        if (!more && pending_ == 0)
            co_return;
        changed_.reset();
        (void)co_await as_result(with_deadline(more ? next_ - now : no_timeout, changed_.wait()));
    }
}

task<> race::attempt(endpoint to)
{
    tried_ = to.family();
    ++pending_;
    auto stream = co_await as_result(open(to, options_, deadline_));
    --pending_;
    if (!stream) {
        failures_.push_back(stream.error());
        next_ = own_.now();
        changed_.set();
    } else if (winner_ == nullptr) {
        winner_ = std::move(*stream);
        group_->finish();
    }
}

/// There is nothing under this name, in one family or both.
bool is_unknown_name(const error& failure) noexcept
{
    const std::error_code code = failure.code();
    return code.category() == resolver_category()
        && (code.value() == EAI_NONAME || code.value() == EAI_NODATA || code.value() == EAI_ADDRFAMILY);
}

void race::fail() const
{
    if (tried_ == endpoint::family::none && !untried_.empty()) // the last answer came too late for an attempt
        throw error(errc::timed_out, "connect to", to_string(to_), phase::connect);
    std::vector<error> telling;
    std::ranges::copy_if(failures_, std::back_inserter(telling), std::not_fn(is_unknown_name));
    if (tried_ == endpoint::family::none)
        (telling.empty() ? failures_ : telling).front().raise();
    throw error::of_attempts("connect to", to_string(to_), std::move(telling));
}

/// A name never has a colon, and an IPv6 address always has.
bool is_name(const address& which)
{
    return which.kind() != address::protocol::local && which.host().find(':') == std::string::npos
        && !parse_ip(which.host());
}

task<connection> connect_by_proxy(address to, connect_options options)
{
    if (to.kind() == address::protocol::local)
        throw misuse("connect: a SOCKS5 proxy connects to hosts, not to a Unix socket");
    context& own = co_await this_context();
    const time_point deadline = add(own.now(), options.timeout);
    const socks5_proxy proxy = std::move(*options.socks5);
    options.socks5.reset();
    detail::check_request(proxy, to);
    auto made = co_await as_result(connect(proxy.where(), std::move(options)));
    if (!made)
        throw error::of_attempts("connect through a proxy to", to_string(to), {made.error()});
    co_await detail::ask_proxy(*made, proxy, to, deadline);
    co_return std::move(*made);
}

} // namespace

task<connection> connect(endpoint to, connect_options options)
{
    if (options.socks5) {
        const std::string host = to.is_ip() ? address_text(to) : std::string(to.path());
        const auto kind = to.is_ip() ? address::protocol::tcp : address::protocol::local;
        co_return co_await connect_by_proxy(address(kind, host, to.port()), std::move(options));
    }
    context& own = co_await this_context();
    transport_ptr stream = co_await open(std::move(to), options, add(own.now(), options.timeout));
    co_return connection(own, std::move(stream));
}

task<connection> connect(address to, connect_options options)
{
    if (to.kind() == address::protocol::udp)
        throw misuse("connect: " + to_string(to) + " is a UDP address, which datagram_socket takes");
    if (options.socks5)
        co_return co_await connect_by_proxy(std::move(to), std::move(options));
    context& own = co_await this_context();
    transport_ptr stream;
    if (is_name(to)) {
        race between(own, to, options);
        stream = co_await between.run();
    } else {
        const time_point deadline = add(own.now(), options.timeout);
        const std::vector<endpoint> found = co_await with_deadline(options.timeout, resolve(to));
        stream = co_await open(found.front(), options, deadline);
    }
    co_return connection(own, std::move(stream));
}

} // namespace portico
