// service: one process of serve(): the context, the signals, the sockets, and what the service manager is told.
#pragma once

#include "hand_over.hpp"
#include "service_target.hpp"

#include <portico/core/event.hpp>
#include <portico/server/run.hpp>
#include <portico/server/service_manager.hpp>

namespace portico::inline v0_1::detail {

/// Writes a line, or several, of `serve` or `run` to standard error.
void print(const std::string& text);
/// `serve_options::on_reload`; what that throws is printed.
void reload(const serve_options& options);
/// The signal by which a parent hurries its children. SIGTERM only begins a drain there, for it may come twice: from
/// the parent, and from whoever ends a whole group of processes.
int hurry_signal() noexcept;

/// What a process of serve() is given.
struct service_start {
    service_start() noexcept {}
    std::vector<descriptor> sockets;     ///< to listen at; empty: it opens those of the server's addresses
    service_manager manager;
    unique_function<void()> on_watching; ///< called once it takes signals
    unique_function<void()> on_ready;    ///< called when it listens, and after each reload
};

class service {
public:
    /// Of a server, with the options of serve(), which outlive it.
    service(service_target& target, const serve_options& options, service_start start);

    /// Serves until a signal ends it; the exit status.
    int run();

private:
    task<> main();
    task<> open_sockets();
    task<> announce(task_group& group);
    task<> run_target(task_group& group);
    void on_signal(int number);
    void stop();
    task<> drain(listening_sockets sockets);
    task<> shorten_drain(duration hard);
    task<> reload();
    task<> describe();
    task<> give_away();

    service_target& target_;
    const serve_options& options_;
    service_start start_;
    context own_;
    std::optional<hand_over> hand_over_; // where there is a path for that
    std::string status_;                 // for the service manager
    task_group* tasks_ = nullptr;        // while it serves
    unsigned stops_ = 0;                 // how often it was told to end
    bool draining_ = false;
    event drained_;
};

} // namespace portico::detail
