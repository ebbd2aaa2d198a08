// session: a connection that a server has accepted, its handler, and the end of both. No coroutine, so that one that is
// idle costs little.
#pragma once

#include "ledger.hpp"

#include <portico/core/memory_pool.hpp>
#include <portico/server/session_info.hpp>

namespace portico::inline v0_1::detail {

class serving;

/// Owned by itself while it runs: it is deleted when it has ended, which `start` and `abort` may bring about.
class session final : private task_owner, public list_node<struct session_tag>, public pooled {
public:
    session(serving& server, transport_ptr stream);
    /// Destroys what runs in it.
    ~session();

    void start() noexcept;
    /// Resets the connection and ends at once, unless something elsewhere (`run_in`, `run_on_thread`) uses what the
    /// handler holds: to be called again then.
    void abort() noexcept;
    session_info inspect(time_point now);

private:
    enum class stage : unsigned char { proxy, handshake, handler, finish };

    void begin_proxy_header();
    task<> read_header();
    void proceed() noexcept;
    void begin_handshake();
    task<> shake_hands();
    /// The time that there is for whatever comes before the handler.
    duration time_before_handler() const noexcept;
    void run(stage which, task<> work) noexcept;
    void on_done(promise_base& ended) noexcept override;
    void on_handler_failed(const std::exception_ptr& failure) noexcept;
    void on_handshake_failed(const std::exception_ptr& failure) noexcept;
    void refuse(std::uint64_t server_statistics::refused::*reason, const std::exception_ptr& failure = {}) noexcept;
    void report_failure(const std::exception_ptr& failure) noexcept;
    duration settle(session_end how) noexcept;
    void end(session_end how, const std::exception_ptr& failure = {}) noexcept;

    serving& server_;
    cancel_scope scope_;
    connection peer_;
    promise_base* running_ = nullptr;
    time_point accepted_;
    ledger::place* place_ = nullptr; // among those of its address
    stage stage_ = stage::proxy;
    bool limited_ = true;    // by its address
    bool announced_ = false; // to on_accept
    bool aborted_ = false;
    bool settled_ = false; // closed and counted
};

} // namespace portico::detail
