// context: one sequence of execution, in which tasks run. Nothing in it needs a lock.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <portico/core/backend.hpp>
#include <portico/core/operation.hpp>
#include <portico/core/scope.hpp>
#include <portico/core/stream_group.hpp>
#include <portico/core/task.hpp>
#include <portico/core/timer.hpp>
#include <string>
#include <utility>
#include <vector>

namespace portico::inline v0_1 {

/// What an exception says, in one line.
std::string what_of(const std::exception_ptr& cause);

/// Something that went wrong and that no task was there to be told of: an exception that nobody awaited, an error of
/// accepting. `text` is one line for a person.
struct report {
    /// A line, and the exception where there was one.
    explicit report(std::string line, std::exception_ptr exception = {}) : text(std::move(line)), cause(std::move(exception)) {}
    std::string text; ///< one line for a person
    std::exception_ptr cause; ///< null where it was no exception
};

/// Runs tasks, one at a time, on its own event loop or on one that the caller runs (`portico/asio.hpp`). Everything
/// that belongs to a context (connections, groups, channels) is used in it alone: by the thread that runs it.
class context {
public:
    /// With an event loop of its own, on the operating system.
    context();
    /// On a backend of its own: `memory_backend`, or that of `make_os_backend(loop)` (`portico/asio.hpp`).
    explicit context(std::unique_ptr<portico::backend> outside);
    context(const context&) = delete;
    context& operator=(const context&) = delete;
    ~context();

    /// Runs the loop of this context until `main` has ended, and returns its value or throws its exception
    /// (`cancelled` too). For contexts that have a loop of their own; not from inside a task.
    template <class T>
    T run(task<T> main)
    {
        run_until_done(main.handle().promise());
        return main.handle().promise().take();
    }

    /// Starts a task from outside, for a context whose loop the caller runs. From any thread; the task begins in the
    /// loop, soon, and until it has ended the loop has work. Then `done` is called there with its exception, or none; it
    /// must not throw (that is reported) nor destroy the context. A task that has not ended when the context is destroyed
    /// is destroyed with it, and `done` is not called.
    void start(task<> main, unique_function<void(std::exception_ptr)> done);

    /// Cancels everything that runs in it, as a scope around all of it would, for good.
    void cancel() noexcept { root_.cancel(); }
    /// The same from any thread, soon. The context is there until this returns.
    void request_cancel();

    portico::backend& backend() noexcept { return *backend_; } ///< where time, sockets, names and files come from
    time_point now() noexcept { return backend_->now(); } ///< the backend's clock
    /// The scope around everything that runs in it.
    cancel_scope& root() noexcept { return root_; }

    /// Where reports go; none are shown until a function is set. It must not throw.
    void on_report(unique_function<void(const portico::report&)> sink) { sink_ = std::move(sink); }
    /// Tells whoever `on_report` has set.
    void report(const portico::report& what) noexcept;

    // What backends call.
    /// Resumes the tasks that are ready; those that become ready meanwhile run the next time.
    void run_ready() noexcept;
    /// The alarm that the backend was asked for has come.
    void on_alarm() noexcept;
    bool has_ready() const noexcept { return !ready_.empty(); } ///< whether `run_ready` has something to do

    // What operations use.
    /// A new turn of the loop: the operations that are ready at once may go on for a while without suspending.
    void begin_turn() noexcept { budget_ = operations_a_turn; }
    /// False when the running task has had its turn and must let others run.
    bool spend() noexcept { return budget_ != 0 && (--budget_, true); }
    /// Queues an operation for the next `run_ready`.
    void make_ready(operation& which) noexcept;
    /// Sets a timer that is not set; `timer::unset` takes it back.
    void set_timer(detail::timer& which, time_point expiry) noexcept;

    static constexpr std::size_t buffer_size = 16 * 1024; ///< of what `borrow_buffer` gives, in bytes
    /// A buffer for reading, of `buffer_size` bytes; null where there is no memory. A few free ones are kept.
    char* borrow_buffer() noexcept;
    /// Gives it back.
    void return_buffer(char* buffer) noexcept;
    /// Of connections that belong to no server.
    detail::stream_group& streams() noexcept { return *streams_; }

private:
    static constexpr unsigned operations_a_turn = 64;
    static constexpr std::size_t kept_buffers = 64;

    void run_until_done(detail::promise_base& main);
    void begin_task() noexcept;
    void end_task() noexcept;

    std::unique_ptr<portico::backend> backend_;
    detail::timer_wheel wheel_;
    time_point alarm_ = time_point::max();
    detail::intrusive_list<operation, operation_tag> ready_;
    unsigned budget_ = operations_a_turn;
    bool run_requested_ = false;
    std::size_t tasks_ = 0; // main and started ones; without any the backend has no work, and no alarm
    cancel_scope root_;
    unique_function<void(const portico::report&)> sink_;
    std::vector<std::unique_ptr<char[]>> buffers_;
    detail::stream_group::pointer streams_;
    task_group started_; // last: what its tasks hold goes back into the rest
};

namespace detail {

struct current_context {
    struct awaiter {
        context& found;
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        context& await_resume() const noexcept { return found; }
    };
    awaiter await_in(promise_base& task) && noexcept { return {task.scope->owner()}; }
};

} // namespace detail

/// `context& own = co_await this_context();`: the context in which the task runs.
inline detail::current_context this_context() noexcept
{
    return {};
}

} // namespace portico
