// hand_over: how a process gives its listening sockets to the one that takes its place.
//
// The process that serves listens at a Unix socket, the door. Both sides make sure that the other runs as the same
// user (SO_PEERCRED). Then, a line each:
//
//     new: portico hand-over 1
//     old: sockets f-f                with descriptors: the door, then each listening socket; one character for each,
//                                     f where it has a file that its last owner removes, else -
//     new: serving                    it accepts from these sockets; so does the old process
//     old: yours                      it accepts no more, and neither closes the door nor removes a file
//
// Until `serving` the old process goes on as if nothing had happened, whatever becomes of the new one. Where that comes
// too late, it says `late` and goes on, and the new one gives up. The sockets are the same ones all the time, so that
// nobody is refused, and who waits in the backlog is served by either.
#pragma once

#include "service_target.hpp"

namespace portico::inline v0_1::detail {

class hand_over {
public:
    /// By a door at this path.
    hand_over(context& own, std::string path) : own_(own), path_(std::move(path)) {}
    hand_over(const hand_over&) = delete;
    hand_over& operator=(const hand_over&) = delete;
    ~hand_over() { close(); }

    /// The sockets of the process that serves so far; none where there is no such process. Fails where that one is of
    /// another user or gives nothing.
    task<std::vector<descriptor>> inherit();
    /// Opens the door, unless that was inherited, to give away sockets at these endpoints, in this order. `ours`: their
    /// files are this process'.
    void open(const std::vector<endpoint>& where, bool ours);
    /// Tells the process before this one that this one serves, and completes when it has let go or is gone. Fails where
    /// it goes on. Nothing to do where there is none.
    task<> take_over();
    /// Waits for a process that takes over from this one, and completes with its id when that serves; with 0 when the
    /// door is closed. What fails on the way goes to the context's reports.
    task<std::int64_t> wait_for_heir(const service_target& target);
    /// The files that came with the sockets are removed, and nobody is waited for any more.
    void close();

private:
    task<> offer(connection& heir, const service_target& target);
    void let_go();

    context& own_;
    std::string path_;
    std::optional<acceptor> door_;
    std::optional<connection> before_; // the process before this one
    std::string files_;                // of each socket, the door first: f or -
    std::vector<std::string> inherited_files_;
    bool closed_ = false;
};

} // namespace portico::detail
