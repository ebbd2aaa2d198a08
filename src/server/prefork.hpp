// prefork: a parent that serves nobody itself, and keeps as many children alive as it was told to.
//
// The parent is one loop around sigtimedwait(2), with all its signals blocked, so that none is lost between fork(2) and
// the handlers of a child. It has a context for its sockets, its clock and notifications, but runs no task while it
// forks. A child tells it by `ready_signal` that it listens.
#pragma once

#include "service.hpp"

#include <csignal>
#include <memory>
#include <sys/types.h>

namespace portico::inline v0_1::detail {

class prefork {
public:
    /// Of a server, with the options of serve(), which outlive it.
    prefork(service_target& target, const serve_options& options, service_start start);
    prefork(const prefork&) = delete;
    prefork& operator=(const prefork&) = delete;
    ~prefork();

    /// Serves until a signal ends it; the exit status.
    int run();

private:
    struct child {
        pid_t process = 0; // 0: none
        time_point started{};
        duration back_off{};   // before the next start
        time_point start_at{}; // where there is none
        bool ready = false;
    };

    task<> open_sockets();
    void close_sockets();
    void supervise();
    void start(child& which);
    [[noreturn]] void run_child(pid_t parent) noexcept;
    time_point next_moment();
    void on_signal(const siginfo_t& what);
    void on_ready(pid_t process);
    void stop(int number);
    void reap();
    void on_death(child& which, int status);
    void on_time();
    void send_to_all(int number) noexcept;
    bool any_lives() const noexcept;
    void tell(task<> notification) { own_->run(std::move(notification)); }

    service_target& target_;
    const serve_options& options_;
    service_start start_;
    sigset_t signals_{}, before_{};
    std::unique_ptr<context> own_;
    std::vector<std::string> files_; // of Unix sockets, that it has made
    std::string status_;
    std::vector<child> children_;
    time_point ping_at_ = time_point::max(), kill_at_ = time_point::max();
    bool announced_ = false;
    unsigned stops_ = 0;
};

} // namespace portico::detail
