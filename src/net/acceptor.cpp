// acceptor: accepting from several listeners in turn, and binding all addresses of a host to one port.
#include <portico/net/acceptor.hpp>

#include "bind_addresses.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <portico/net/resolver.hpp>

namespace portico::inline v0_1 {
namespace {

template <class Function>
auto of_each(const std::vector<listener_ptr>& listeners, const Function& what)
{
    std::vector<decltype(what(*listeners.front()))> found;
    found.reserve(listeners.size());
    for (const auto& each : listeners)
        found.push_back(what(*each));
    return found;
}

} // namespace

acceptor::acceptor(acceptor&& other)
    : owner_((other.check_idle(), other.owner_)), listeners_(std::move(other.listeners_)), next_(std::exchange(other.next_, 0))
{
}

void acceptor::check_idle() const
{
    if (accepting_ != nullptr)
        throw misuse("an acceptor was moved, added to or released while an accept was under way");
}

void acceptor::add(acceptor&& other)
{
    check_idle();
    other.check_idle();
    std::ranges::move(other.listeners_, std::back_inserter(listeners_));
    other.listeners_.clear();
    other.next_ = 0;
}

std::vector<endpoint> acceptor::local_endpoints() const
{
    return of_each(listeners_, [](listener& each) { return each.local_endpoint(); });
}

std::vector<socket_options> acceptor::options() const
{
    return of_each(listeners_, [](listener& each) { return socket_options(&each); });
}

std::vector<int> acceptor::native_handles() const
{
    return of_each(listeners_, [](listener& each) { return each.native_handle(); });
}

std::vector<int> acceptor::release()
{
    check_idle();
    std::vector<int> handles = of_each(listeners_, [](listener& each) { return each.release_handle(); });
    listeners_.clear();
    next_ = 0;
    return handles;
}

void acceptor::close() noexcept
{
    listeners_.clear();
    next_ = 0;
    if (accepting_ != nullptr && accepting_->is_armed())
        accepting_->ready_later();
}

std::optional<connection> acceptor::try_accept()
{
    accepting now(*this);
    if (listeners_.empty())
        now.fail(errc::closed);
    else if (!now.proceed())
        return {};
    if (now.failed())
        now.failure().raise();
    return now.value();
}

namespace {

// accept(2): the error is that of the new connection, and the next accept may succeed.
bool is_of_the_connection(int code) noexcept
{
    switch (code) {
    case ECONNABORTED: case EPROTO: case ENETDOWN: case ENOPROTOOPT: case EHOSTDOWN: case ENONET: case EHOSTUNREACH:
    case EOPNOTSUPP: case ENETUNREACH: case EPERM: case ETIMEDOUT: case EINTR:
        return true;
    default: return false;
    }
}

} // namespace

acceptor::accepting_stream::accepting_stream(acceptor& from) : from_(from)
{
    if (from.accepting_ != nullptr)
        throw misuse("a second accept while one is under way");
    from.accepting_ = this;
}

bool acceptor::accepting_stream::attempt() noexcept
{
    if (from_.listeners_.empty())
        return fail(errc::closed), true;
    if (&owner() != from_.owner_)
        return fail_misuse(), true;
    return proceed();
}

bool acceptor::take(transport_ptr& stream, int& code) noexcept
{
    constexpr int most_errors = 64; // in a row: one that lasts must not spin here
    int errors = 0;
    for (std::size_t tried = 0; tried < listeners_.size();) {
        listener::accepted got = listeners_[next_]->try_accept();
        if (got.outcome.status == io_status::failed) [[unlikely]] {
            if (!is_of_the_connection(got.outcome.code) || ++errors == most_errors)
                return code = got.outcome.code, true;
            continue;
        }
        if (++next_ == listeners_.size())
            next_ = 0;
        if (got.stream)
            return stream.swap(got.stream), true;
        ++tried;
    }
    return false;
}

transport_ptr acceptor::try_accept_stream() noexcept
{
    transport_ptr stream;
    int failed = 0;
    take(stream, failed);
    return stream;
}

bool acceptor::accepting_stream::proceed() noexcept
{
    int failed = 0;
    if (!from_.take(stream_, failed))
        return false;
    if (failed != 0)
        fail(failed);
    forget();
    return true;
}

acceptor::accepting_stream::~accepting_stream()
{
    abandon();
    forget();
    from_.accepting_ = nullptr;
}

// When one of several listeners has ended the wait, the others still know of it.
void acceptor::accepting_stream::forget() noexcept
{
    if (from_.listeners_.size() > 1)
        disarm();
}

void acceptor::accepting_stream::arm() noexcept
{
    for (const auto& each : from_.listeners_)
        each->wait(direction::read, *this);
}

void acceptor::accepting_stream::disarm() noexcept
{
    for (const auto& each : from_.listeners_)
        each->abandon(direction::read);
}

error acceptor::accepting_stream::describe(std::error_code code) const
{
    return {code, "accept at", from_.listeners_.empty() ? "" : to_string(from_.listeners_.front()->local_endpoint())};
}

namespace {

acceptor with_listener(context& owner, listener_ptr one)
{
    std::vector<listener_ptr> listeners;
    listeners.push_back(std::move(one));
    return {owner, std::move(listeners)};
}

} // namespace

task<acceptor> listen(address where, listen_options options)
{
    if (where.kind() == address::protocol::udp)
        throw misuse("a UDP address was given to listen at, which is for streams: " + to_string(where));
    context& own = co_await this_context();
    std::vector<endpoint> endpoints = co_await resolve(where);
    const auto bind = [&](const endpoint& each) { return own.backend().listen(each, options); };
    co_return acceptor(own, detail::bind_addresses<listener_ptr>(std::move(endpoints), options.dual_stack, "listen at",
                                                                 to_string(where), bind));
}

acceptor listen(context& owner, const endpoint& where, listen_options options)
{
    return with_listener(owner, owner.backend().listen(where, options).value());
}

acceptor adopt_acceptor(context& owner, int handle)
{
    return with_listener(owner, owner.backend().adopt_listener(handle).value());
}

} // namespace portico
