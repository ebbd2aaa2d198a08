// acceptor: listens, and gives the connections that come.
#pragma once

#include <optional>
#include <portico/net/connection.hpp>
#include <vector>

namespace portico::inline v0_1 {

/// Listens at every address of a host and accepts from all of them. One accept at a time: a second, or moving, adding to
/// or releasing the acceptor meanwhile, throws `misuse`. Destruction stops listening.
class acceptor {
public:
    class accepting_stream;
    class accepting;

    /// On listeners of this context. `listen` makes them.
    acceptor(context& owner, std::vector<listener_ptr> listeners) noexcept
        : owner_(&owner), listeners_(std::move(listeners)) {}
    /// Throws `misuse` where an accept is under way.
    acceptor(acceptor&& other);
    acceptor& operator=(acceptor&&) = delete;

    /// Completes with the next connection. Connections that failed before they could be accepted are passed over
    /// (accept(2) lists their errors); it fails with EMFILE, ENFILE, ENOBUFS or ENOMEM where the system has nothing
    /// left to accept with: the clients then wait in the backlog, and a later accept serves them.
    [[nodiscard]] accepting accept();
    /// The same, for who makes the connection elsewhere.
    [[nodiscard]] accepting_stream accept_stream();

    /// The next connection, without waiting: none where there is none yet. Throws as `accept` does.
    std::optional<connection> try_accept();

    /// The same without an exception: null where there is none yet, and where accepting fails, which `accept_stream` then
    /// tells.
    transport_ptr try_accept_stream() noexcept;

    /// Accepts from all that another one listens at, too.
    void add(acceptor&& other);

    /// Where it listens, with the ports that the system chose.
    std::vector<endpoint> local_endpoints() const;
    /// The options of each of its sockets, in the order of `local_endpoints`.
    std::vector<socket_options> options() const;
    /// The descriptor of each.
    std::vector<int> native_handles() const;
    /// Gives the sockets up, which go on listening: their descriptors are the caller's, and the acceptor has none. The
    /// file of a Unix socket stays.
    std::vector<int> release();
    /// Stops listening; an accept under way fails with `errc::closed`, as every later one. The file of a Unix socket is
    /// removed.
    void close() noexcept;

private:
    void check_idle() const;
    /// Whether there is a connection, or a failure: 0 or an errno value in `code`.
    bool take(transport_ptr& stream, int& code) noexcept;

    context* owner_;
    std::vector<listener_ptr> listeners_;
    accepting_stream* accepting_ = nullptr;
    std::size_t next_ = 0; // which listener has its turn, so that none starves the others
};

class acceptor::accepting_stream : public timed_operation {
public:
    explicit accepting_stream(acceptor& from);
    ~accepting_stream();
    transport_ptr value() noexcept { return std::move(stream_); }

protected:
    acceptor& from_;

private:
    bool attempt() noexcept override;
    void arm() noexcept override;
    void disarm() noexcept final;
    error describe(std::error_code code) const override;
    bool proceed() noexcept;
    void forget() noexcept;
    friend acceptor;
    transport_ptr stream_;
};

class acceptor::accepting final : public accepting_stream {
public:
    using accepting_stream::accepting_stream;
    connection value() noexcept { return {*from_.owner_, accepting_stream::value()}; }
};

inline acceptor::accepting acceptor::accept()
{
    return accepting(*this);
}

inline acceptor::accepting_stream acceptor::accept_stream()
{
    return accepting_stream(*this);
}

/// Listens at every address of `where` (IPv4 and IPv6 each with a socket of its own, unless `options.dual_stack`), with
/// one port for all of them where port 0 asks the system to choose. An address of the host that this machine does not
/// have is passed over where another works. Fails with an error that names every address that failed and why.
///
/// At a Unix path the file of a server that is gone is replaced; one at which somebody listens, or that is no socket, is
/// `std::errc::address_in_use`. The acceptor removes its file when it closes.
task<acceptor> listen(address where, listen_options options = {});
/// The same at one endpoint.
acceptor listen(context& owner, const endpoint& where, listen_options options = {});
/// An acceptor on a socket of the system that listens, which it owns from then on: from a parent process, or a service
/// manager. Throws `error` where the descriptor is none of that; then it stays the caller's.
acceptor adopt_acceptor(context& owner, int handle);

} // namespace portico
