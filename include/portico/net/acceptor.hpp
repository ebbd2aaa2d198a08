// acceptor: listens, and gives the connections that come.
#pragma once

#include <memory>
#include <portico/net/connection.hpp>
#include <vector>

namespace portico {

/// Listens at every address of a host and accepts from all of them. One accept at a time. Destruction stops listening.
class acceptor {
public:
    class accepting_stream;
    class accepting;

    acceptor(context& owner, std::vector<std::unique_ptr<listener>> listeners) noexcept
        : owner_(&owner), listeners_(std::move(listeners)) {}
    acceptor(acceptor&& other) noexcept = default;
    acceptor& operator=(acceptor&&) = delete;

    /// Completes with the next connection. Connections that failed before they could be accepted are passed over
    /// (accept(2) lists their errors); it fails with EMFILE, ENFILE, ENOBUFS or ENOMEM where the system has nothing
    /// left to accept with: the clients then wait in the backlog, and a later accept serves them.
    [[nodiscard]] accepting accept() noexcept;
    /// The same, for who makes the connection elsewhere.
    [[nodiscard]] accepting_stream accept_stream() noexcept;

    /// Accepts from all that another one listens at, too. Not while an accept is under way.
    void add(acceptor&& other);

    /// Where it listens, with the ports that the system chose.
    std::vector<endpoint> local_endpoints() const;

private:
    context* owner_;
    std::vector<std::unique_ptr<listener>> listeners_;
    std::size_t next_ = 0; // which listener has its turn, so that none starves the others
};

class acceptor::accepting_stream : public timed_operation {
public:
    explicit accepting_stream(acceptor& from) noexcept : from_(from) {}
    ~accepting_stream();
    transport_ptr value() noexcept { return std::move(stream_); }

protected:
    acceptor& from_;

private:
    bool attempt() noexcept override;
    void arm() noexcept override;
    void disarm() noexcept override;
    error describe(std::error_code code) const override;
    void forget() noexcept;
    transport_ptr stream_;
};

class acceptor::accepting final : public accepting_stream {
public:
    using accepting_stream::accepting_stream;
    connection value() noexcept { return {*from_.owner_, accepting_stream::value()}; }
};

inline acceptor::accepting acceptor::accept() noexcept
{
    return accepting(*this);
}

inline acceptor::accepting_stream acceptor::accept_stream() noexcept
{
    return accepting_stream(*this);
}

/// Listens at every address of `where` (TCP, IPv4 and IPv6 each with a socket of its own), with one port for all of
/// them where port 0 asks the system to choose. An address of the host that this machine does not have is passed over
/// where another works. Fails with an error that names every address that failed and why.
task<acceptor> listen(address where, listen_options options = {});

} // namespace portico
