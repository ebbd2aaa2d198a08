// memory_backend: the loop, the clock and what opens sockets.
#include <portico/memory/memory_backend.hpp>

#include "datagram.hpp"
#include "listener.hpp"
#include "stream.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <iterator>
#include <netdb.h>
#include <portico/core/await_stack.hpp>
#include <portico/net/resolver.hpp>

namespace portico::inline v0_1 {

/// What other threads may still post to when the backend is gone.
struct memory_backend::posted {
    std::mutex mutex;
    std::deque<unique_function<void()>> functions;
    bool open = true;
};

memory_backend::memory_backend(std::uint64_t seed) : posted_(std::make_shared<posted>()), random_(seed)
{
    std::array<std::uint8_t, 16> loopback{};
    loopback.back() = 1;
    add_host("localhost", {endpoint::ipv4({127, 0, 0, 1}, 0), endpoint::ipv6(loopback, 0)});
    add_host("", {endpoint::ipv4({}, 0), endpoint::ipv6({}, 0)});
}

memory_backend::~memory_backend()
{
    std::deque<unique_function<void()>> dropped; // destroyed without the lock
    const std::lock_guard lock(posted_->mutex);
    posted_->open = false;
    dropped.swap(posted_->functions);
}

void memory_backend::advance(duration by)
{
    const time_point until = now_ + by;
    for (time_point next = next_instant(); next <= until; next = next_instant()) {
        now_ = std::max(now_, next);
        if (!later_.empty() && later_.begin()->first == next)
            later_.extract(later_.begin()).mapped()();
        else {
            alarm_ = time_point::max();
            owner_->on_alarm();
        }
    }
    now_ = until;
}

time_point memory_backend::next_instant() const noexcept
{
    return later_.empty() ? alarm_ : std::min(alarm_, later_.begin()->first);
}

void memory_backend::call_after(duration delay, unique_function<void()> function)
{
    later_.emplace(add(now_, delay), std::move(function));
}

unique_function<void(unique_function<void()>)> memory_backend::poster()
{
    return [own = posted_](unique_function<void()> function) {
        const std::lock_guard lock(own->mutex);
        if (own->open)
            own->functions.push_back(std::move(function));
    };
}

result<void> memory_backend::run_on_thread(unique_function<void()> blocking)
{
    poster()(std::move(blocking));
    return {};
}

void memory_backend::run()
{
    for (stopped_ = false; !stopped_;)
        if (!step())
            throw misuse("everything waits, and nothing can ever happen:\n" + await_stacks(*owner_));
}

bool memory_backend::step()
{
    unique_function<void()> next;
    {
        const std::lock_guard lock(posted_->mutex);
        if (!posted_->functions.empty()) {
            next = std::move(posted_->functions.front());
            posted_->functions.pop_front();
        }
    }
    if (next) {
        owner_->begin_turn();
        next();
    } else if (std::exchange(run_requested_, false))
        owner_->run_ready();
    else if (next_instant() <= now_)
        advance(duration(0));
    else if (settling_ != nullptr)
        std::exchange(settling_, nullptr)->ready_later();
    else if (jumping_ && next_instant() != time_point::max())
        advance(next_instant() - now_);
    else
        return false;
    return true;
}

void memory_backend::watch_signals(const std::vector<int>& numbers, unique_function<void(int)> handler)
{
    signals_ = numbers;
    on_signal_ = std::make_shared<const unique_function<void(int)>>(std::move(handler));
}

void memory_backend::raise_signal(int number)
{
    if (std::ranges::find(signals_, number) != signals_.end())
        poster()([handler = on_signal_, number] { (*handler)(number); });
}

std::pair<transport_ptr, transport_ptr> memory_backend::make_link()
{
    const endpoint here = endpoint::ipv4({127, 0, 0, 1}, free_port());
    const endpoint there = endpoint::ipv4({127, 0, 0, 1}, free_port());
    auto [near, far] = memory::connect(link_, here, there);
    return {std::move(near), std::move(far)};
}

void memory_backend::fail_accepts(int system_error, unsigned count) noexcept
{
    accept_error_ = system_error;
    accept_failures_ = count;
}

result<listener_ptr> memory_backend::listen(const endpoint& at, const listen_options& options)
{
    endpoint where = at;
    if (where.is_ip() && where.port() == 0)
        where.port(free_port());
    for (const memory::listener* const each : listeners_)
        if (each->local_endpoint() == where)
            return error(std::error_code(EADDRINUSE, std::system_category()), "listen at", to_string(where));
    auto* const made = new memory::listener(*this, where, options);
    listener_ptr owned(made);
    listeners_.push_back(made);
    return owned;
}

int memory_backend::take_accept_failure() noexcept
{
    return accept_failures_ == 0 ? 0 : (--accept_failures_, accept_error_);
}

void memory_backend::remove(const listener& which) noexcept
{
    std::erase(listeners_, &which);
}

result<datagram_transport_ptr> memory_backend::open_datagram(const endpoint& at, const datagram_options& options)
{
    endpoint where = at;
    if (where.is_ip() && where.port() == 0)
        where.port(free_port());
    if (!where.is_ip() && where.path().empty())
        where = endpoint::local("@" + std::to_string(next_name_++));
    const bool shared = options.reuse_address || options.reuse_port;
    for (const memory::datagram* const each : datagrams_)
        if (each->is_bound_to(where) && !(shared && each->is_shared()))
            return error(std::error_code(EADDRINUSE, std::system_category()), "bind", to_string(where));
    auto* const made = new memory::datagram(*this, where, options);
    datagram_transport_ptr owned(made);
    datagrams_.push_back(made);
    return owned;
}

std::vector<memory::datagram*> memory_backend::receivers_of(const endpoint& from, const endpoint& to) const
{
    std::vector<memory::datagram*> found;
    std::ranges::copy_if(datagrams_, std::back_inserter(found),
                         [&](const memory::datagram* each) { return each->takes(from, to); });
    if (found.size() > 1 && !memory::is_group(to))
        found.resize(1);
    return found;
}

void memory_backend::fail_receives(int system_error, unsigned count) noexcept
{
    receive_error_ = system_error;
    receive_failures_ = count;
}

int memory_backend::take_receive_failure() noexcept
{
    return receive_failures_ == 0 ? 0 : (--receive_failures_, receive_error_);
}

void memory_backend::remove(const memory::datagram& which) noexcept
{
    std::erase(datagrams_, &which);
}

namespace {

error not_of_memory(const char* operation, int handle)
{
    return {std::make_error_code(std::errc::operation_not_supported), operation, "descriptor " + std::to_string(handle)};
}

} // namespace

result<transport_ptr> memory_backend::adopt_stream(int handle)
{
    return not_of_memory("adopt a stream socket", handle);
}

result<listener_ptr> memory_backend::adopt_listener(int handle)
{
    return not_of_memory("adopt a listening socket", handle);
}

result<datagram_transport_ptr> memory_backend::adopt_datagram(int handle)
{
    return not_of_memory("adopt a datagram socket", handle);
}

result<std::vector<network_interface>> memory_backend::interfaces()
{
    return std::vector{network_interface{1, "memory"}};
}

result<std::string> memory_backend::host_name()
{
    return std::string("localhost");
}

// splitmix64: repeats from its seed, which is all that a test wants of it.
void memory_backend::random(std::span<std::byte> destination)
{
    for (std::byte& each : destination) {
        std::uint64_t mixed = random_ += 0x9e3779b97f4a7c15;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
        each = static_cast<std::byte>(mixed ^ mixed >> 31);
    }
}

} // namespace portico
