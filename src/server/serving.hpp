// serving: the share of a server that one context has: the accept loop and the sessions.
#pragma once

#include "session.hpp"
#include "setup.hpp"

namespace portico::inline v0_1::detail {

class serving {
public:
    /// One of `parts`, among which the limits are divided.
    serving(const server_setup& setup, ledger& accounts, context& own, unsigned index, unsigned parts);
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;
    ~serving();

    /// See `server::run` and `server::drain`.
    task<> run(acceptor source);
    task<drain_report> drain(duration soft, duration hard, listening_sockets sockets);
    std::vector<session_info> inspect();
    std::vector<int> native_handles() const;

    // What sessions use.
    const server_setup& setup() const noexcept { return setup_; }
    ledger& accounts() const noexcept { return accounts_; }
    context& owner() const noexcept { return own_; }
    stream_group& streams() const noexcept { return *streams_; }
    cancel_scope& sessions_scope() const noexcept { return *sessions_scope_; }
    void on_session_ended(session_end how) noexcept;
    void on_handshake_begun() noexcept { ++handshakes_; }
    void on_handshake_ended() noexcept;

private:
    /// A moment of a drain.
    class limit final : public timer {
    public:
        limit(serving& owner, void (serving::*action)() noexcept) noexcept : owner_(owner), action_(action) {}
        /// An earlier moment replaces a later one.
        void set(time_point moment) noexcept;

    private:
        void on_expiry() noexcept override { (owner_.*action_)(); }
        serving& owner_;
        void (serving::*action_)() noexcept;
    };

    task<> accept_until_draining(acceptor& source, cancel_scope& outside);
    task<> accept_from(acceptor& source);
    task<> accept_backlog(acceptor& source);
    task<> wait_for_room();
    task<> wait_for_sessions();
    task<> recover(const error& failure);
    void open(transport_ptr stream);
    void cancel_sessions() noexcept;
    void abort_sessions() noexcept;
    bool is_full() const noexcept { return open_ >= most_ || handshakes_ >= most_handshakes_; }

    const server_setup& setup_;
    ledger& accounts_;
    context& own_;
    std::size_t most_; // sessions
    std::size_t most_handshakes_;
    stream_group::pointer streams_;
    std::size_t open_ = 0, handshakes_ = 0;
    event closed_; // a session has ended, or a handshake
    event ended_;  // `run` has
    duration pause_{};
    time_point reported_{};
    std::uint64_t unreported_ = 0;

    // While `run` runs:
    const acceptor* source_ = nullptr;
    cancel_scope* sessions_scope_ = nullptr;
    cancel_scope* accepting_ = nullptr;
    intrusive_list<session, session_tag> sessions_;

    bool draining_ = false;
    listening_sockets sockets_ = listening_sockets::close;
    limit soft_{*this, &serving::cancel_sessions}, hard_{*this, &serving::abort_sessions};
    drain_report report_;
};

} // namespace portico::detail
