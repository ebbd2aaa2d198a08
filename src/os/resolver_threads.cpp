// resolver_threads: at most four, started when they are needed.
#include "resolver_threads.hpp"

#include "socket.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <netdb.h>
#include <portico/net/resolver.hpp>
#include <portico/wire/text.hpp>
#include <thread>

namespace portico::os {

namespace {

constexpr std::size_t most_threads = 4;

struct job {
    job(std::string name, std::uint16_t number, resolver_threads::resolved callback)
        : host(std::move(name)), port(number), done(std::move(callback)) {}
    std::string host;
    std::uint16_t port;
    resolver_threads::resolved done;
};

// RFC 6761 section 6.3: this name is the loopback address, also on a machine where nobody has written that down.
bool is_localhost(const std::string& host)
{
    return text::equals_ignoring_case(host, "localhost") || text::equals_ignoring_case(host, "localhost.");
}

result<std::vector<endpoint>> look_up(const std::string& host, std::uint16_t port)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = host.empty() ? AI_PASSIVE : 0;
    addrinfo* list = nullptr;
    const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), host.empty() ? "0" : nullptr, &hints, &list);
    if (code != 0 && is_localhost(host))
        return std::vector{parse_ip("127.0.0.1", port).value(), parse_ip("::1", port).value()};
    if (code == EAI_SYSTEM)
        return error(std::error_code(errno, std::system_category()), "resolve", host);
    if (code != 0)
        return error(std::error_code(code, resolver_category()), "resolve", host);
    std::vector<endpoint> found;
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
        endpoint one = from_sockaddr(*each->ai_addr);
        one.port(port);
        if (one.family() != endpoint::family::none && std::ranges::find(found, one) == found.end())
            found.push_back(one);
    }
    freeaddrinfo(list);
    if (found.empty())
        return error(std::error_code(EAI_NONAME, resolver_category()), "resolve", host);
    return found;
}

} // namespace

struct resolver_threads::shared {
    std::mutex mutex;
    std::condition_variable work;
    std::deque<job> jobs;
    std::size_t threads = 0, idle = 0;
    bool closing = false;

    static void run(const std::shared_ptr<shared>& own)
    {
        std::unique_lock lock(own->mutex);
        for (;;) {
            ++own->idle;
            own->work.wait(lock, [&] { return own->closing || !own->jobs.empty(); });
            --own->idle;
            if (own->closing)
                return;
            job next = std::move(own->jobs.front());
            own->jobs.pop_front();
            lock.unlock();
            next.done(look_up(next.host, next.port));
            lock.lock();
        }
    }
};

resolver_threads::resolver_threads() : shared_(std::make_shared<shared>()) {}

resolver_threads::~resolver_threads()
{
    const std::lock_guard lock(shared_->mutex);
    shared_->closing = true;
    shared_->jobs.clear();
    shared_->work.notify_all();
}

void resolver_threads::resolve(std::string host, std::uint16_t port, resolved done)
{
    const std::lock_guard lock(shared_->mutex);
    shared_->jobs.emplace_back(std::move(host), port, std::move(done));
    if (shared_->idle < shared_->jobs.size() && shared_->threads < most_threads) {
        ++shared_->threads;
        // Detached, because a look-up cannot be interrupted and must not hold up the end of the program.
        std::thread([own = shared_] { shared::run(own); }).detach();
    }
    shared_->work.notify_one();
}

} // namespace portico::os
