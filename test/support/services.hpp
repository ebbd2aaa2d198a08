// services: a service in a child process, and the service manager that it talks to.
#pragma once

#include "support/process.hpp"
#include "support/servers.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <portico/net/datagram_socket.hpp>
#include <portico/server/run.hpp>

namespace test {

/// How a line of a program on standard error begins.
inline std::string program()
{
    return std::string(program_invocation_short_name) + ": ";
}

inline portico::endpoint endpoint_of(const std::string& line)
{
    const portico::address where = portico::address::parse(line);
    if (where.kind() == portico::address::protocol::local)
        return portico::endpoint::local(where.host());
    return *portico::parse_ip(where.host(), where.port());
}

/// Serves and says where, a line for each endpoint.
inline int serve_and_say(portico::server& which, portico::serve_options options = {})
{
    which.on_listening([](endpoints where) {
        for (const portico::endpoint& each : where)
            say(portico::to_string(each));
    });
    return portico::serve(which, std::move(options));
}

/// Runs a task in a context of its own, for as long as the patience lasts.
template <class Body>
void run_here(const Body& body)
{
    portico::context own;
    own.run(portico::with_deadline(patience, body()));
}

/// What listens where a service sends its notifications (NOTIFY_SOCKET).
class notify_socket {
public:
    notify_socket()
    {
        own_.run([](notify_socket& made) -> portico::task<> {
            made.socket_.emplace(co_await portico::open_datagram(portico::local("")));
        }(*this));
    }

    /// What NOTIFY_SOCKET is set to.
    std::string name() const { return std::string(socket_->local_endpoint().path()); }
    /// The next notification, but for the watchdog's pings.
    std::string next() { return receive(false); }
    /// The next one.
    std::string next_or_ping() { return receive(true); }

    /// Whether there is one already.
    bool has_next() { return socket_->try_receive_from().has_value(); }

private:
    std::string receive(bool pings)
    {
        for (;;) {
            std::string text = own_.run(portico::with_deadline(patience, receive_text()));
            if (pings || text != "WATCHDOG=1")
                return text;
        }
    }
    portico::task<std::string> receive_text()
    {
        const portico::datagram got = co_await socket_->receive_from();
        co_return std::string(got.data.text());
    }

    portico::context own_;
    std::optional<portico::datagram_socket> socket_;
};

/// Passes descriptors as a service manager does: from 3 on, named by the environment.
inline void pass_sockets(const std::vector<int>& handles, const char* names = nullptr)
{
    std::vector<int> high;
    for (const int each : handles)
        high.push_back(::fcntl(each, F_DUPFD, 64));
    for (std::size_t index = 0; index < high.size(); ++index)
        ::dup2(high[index], static_cast<int>(3 + index));
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(handles.size()).c_str(), 1);
    if (names != nullptr)
        ::setenv("LISTEN_FDNAMES", names, 1);
}

/// Says what a handler `hold` waits for, and wants to be served.
inline portico::task<> expect_service_at(portico::endpoint where)
{
    portico::connection client = co_await portico::connect(where);
    co_await expect_service(client);
}

} // namespace test
