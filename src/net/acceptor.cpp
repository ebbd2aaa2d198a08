// acceptor: accepting from several listeners in turn, and binding all addresses of a host to one port.
#include <portico/net/acceptor.hpp>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <portico/net/resolver.hpp>

namespace portico {

void acceptor::add(acceptor&& other)
{
    std::ranges::move(other.listeners_, std::back_inserter(listeners_));
    other.listeners_.clear();
}

std::vector<endpoint> acceptor::local_endpoints() const
{
    std::vector<endpoint> found;
    for (const auto& each : listeners_)
        found.push_back(each->local_endpoint());
    return found;
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

bool acceptor::accepting_stream::attempt() noexcept
{
    constexpr int most_errors = 64; // in a row: one that lasts must not spin here
    auto& listeners = from_.listeners_;
    int errors = 0;
    for (std::size_t tried = 0; tried < listeners.size();) {
        listener::accepted got = listeners[from_.next_]->try_accept();
        if (got.outcome.status == io_status::done) {
            stream_ = std::move(got.stream);
            from_.next_ = (from_.next_ + 1) % listeners.size();
            forget();
            return true;
        }
        if (got.outcome.status == io_status::would_block) {
            from_.next_ = (from_.next_ + 1) % listeners.size();
            ++tried;
        } else if (!is_of_the_connection(got.outcome.code) || ++errors == most_errors) {
            fail(got.outcome.code);
            forget();
            return true;
        }
    }
    return false;
}

acceptor::accepting_stream::~accepting_stream()
{
    abandon();
    forget();
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
        each->wait(*this);
}

void acceptor::accepting_stream::disarm() noexcept
{
    for (const auto& each : from_.listeners_)
        each->abandon();
}

error acceptor::accepting_stream::describe(std::error_code code) const
{
    return {code, "accept at", from_.listeners_.empty() ? "" : to_string(from_.listeners_.front()->local_endpoint())};
}

namespace {

struct attempt {
    std::vector<std::unique_ptr<listener>> listeners;
    std::vector<error> errors;
    bool port_was_taken = false;
};

// Binds each address, all of them to the port of the first where the system chooses it.
attempt bind_all(backend& outside, std::vector<endpoint> endpoints, const listen_options& options)
{
    attempt made;
    const bool any_port = endpoints.front().port() == 0;
    for (endpoint& each : endpoints) {
        if (any_port && !made.listeners.empty())
            each.port(made.listeners.front()->local_endpoint().port());
        auto bound = outside.listen(each, options);
        if (bound)
            made.listeners.push_back(std::move(*bound));
        else {
            made.port_was_taken |= any_port && bound.error().code() == std::errc::address_in_use;
            made.errors.push_back(bound.error());
        }
    }
    return made;
}

bool is_missing_address(const error& failure)
{
    return failure.code() == std::errc::address_not_available
        || failure.code() == std::errc::address_family_not_supported;
}

} // namespace

task<acceptor> listen(address where, listen_options options)
{
    context& own = co_await this_context();
    const std::vector<endpoint> endpoints = co_await resolve(where);
    attempt made = bind_all(own.backend(), endpoints, options);
    // Another program may hold the port that the system chose for the first address on the second.
    for (int retries = 8; made.port_was_taken && retries > 0; --retries) {
        made = attempt();
        made = bind_all(own.backend(), endpoints, options);
    }
    const bool tolerable = !made.listeners.empty() && std::ranges::all_of(made.errors, is_missing_address);
    if (!tolerable)
        throw error::of_attempts("listen at", to_string(where), std::move(made.errors));
    co_return acceptor(own, std::move(made.listeners));
}

} // namespace portico
