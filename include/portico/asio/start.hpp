// start: a task from outside, with any completion token of Asio's: a callback, a future, `use_awaitable`, `deferred`.
#pragma once

#include <portico/asio/context.hpp>

#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <portico/core/run_in.hpp>
#include <tuple>

namespace portico::inline v0_1 {

namespace detail {

/// A handler and what it is called with, once.
template <class Handler, class... Values>
struct completed {
    using allocator_type = asio::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler); }
    void operator()()
    {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.clear();
        std::apply(std::move(handler), std::move(values));
    }
    Handler handler;
    std::tuple<Values...> values;
};

/// Calls a handler through its executor. Until then that has work to wait for.
template <class Handler>
class completion {
public:
    completion(Handler handler, const asio::any_io_executor& own)
        : work_(asio::get_associated_executor(handler, own)), handler_(std::move(handler)) {}

    template <class... Values>
    void post(std::tuple<Values...> values)
    {
        asio::post(work_.get_executor(), completed<Handler, Values...>{std::move(handler_), std::move(values)});
    }

private:
    asio::executor_work_guard<asio::associated_executor_t<Handler, asio::any_io_executor>> work_;
    Handler handler_;
};

/// What a handler of Asio's is told: `cancelled` is `asio::error::operation_aborted` there.
std::exception_ptr to_asio(std::exception_ptr failure);

/// Runs a task for a handler, which is called with what `tell` makes of the outcome.
template <class T, class Handler, class Tell>
task<> run_for(std::shared_ptr<remote_scope> remote, task<T> work, completion<Handler> done, Tell tell)
{
    task_result<T> outcome;
    try {
        task<T> running = run_in_remote_scope(std::move(remote), std::move(work));
        if constexpr (std::is_void_v<T>)
            co_await std::move(running);
        else
            outcome.return_value(co_await std::move(running));
    } catch (...) {
        outcome.unhandled_exception();
    }
    done.post(tell(outcome));
}

/// Starts it in its context; the handler's cancellation slot, if it has one, cancels it.
template <class T, class Handler, class Tell>
void start_for(context& own, task<T> work, Handler handler, Tell tell)
{
    const auto remote = std::make_shared<remote_scope>();
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
        slot.assign([remote, post = own.backend().poster()](asio::cancellation_type type) {
            if ((type & asio::cancellation_type::terminal) != asio::cancellation_type::none)
                post([remote] { remote->cancel(); });
        });
    }
    completion<Handler> done(std::move(handler), get_executor(own));
    own.start(run_for(remote, std::move(work), std::move(done), std::move(tell)), [](const std::exception_ptr&) {});
}

template <class T>
struct start_signature {
    using type = void(std::exception_ptr, T);
    static std::tuple<std::exception_ptr, T> tell(task_result<T>& outcome)
    {
        if (outcome.failure())
            return {to_asio(outcome.failure()), T()};
        return {nullptr, outcome.take()};
    }
};
template <>
struct start_signature<void> {
    using type = void(std::exception_ptr);
    static std::tuple<std::exception_ptr> tell(task_result<void>& outcome) { return to_asio(outcome.failure()); }
};

/// The initiating function of `start`, with the executor that a handler without one of its own is called through.
struct start_initiation {
    using executor_type = asio::any_io_executor;
    executor_type get_executor() const { return portico::get_executor(*own); }
    template <class Handler, class T>
    void operator()(Handler&& handler, task<T> work) const
    {
        start_for(*own, std::move(work), std::forward<Handler>(handler), start_signature<T>::tell);
    }
    context* own;
};

} // namespace detail

/// Starts a task in a context whose loop the caller runs, as `asio::co_spawn` starts an `awaitable`; from any thread.
/// The completion signature is `void(std::exception_ptr, T)`, or `void(std::exception_ptr)` for a `task<void>`: what the
/// task threw (`asio::error::operation_aborted`, as a `std::system_error`, where it was cancelled), and what it returned
/// (`T()` where it threw, so that T has a default constructor).
///
///     portico::start(own, download(url), [](std::exception_ptr failure, std::string page) { ... });
///     std::future<std::string> page = portico::start(own, download(url), asio::use_future);
///     std::string page = co_await portico::start(own, download(url), asio::use_awaitable);
///
/// The task begins in the loop, soon. The handler is called through its associated executor, else that of the context,
/// when all that the task held is gone, and may destroy the context. A `terminal` cancellation of the
/// handler's slot cancels the task, and the handler is called when that has ended. A task that has not ended when the
/// context is destroyed is destroyed with it, and so is the handler, uncalled.
template <class T, class CompletionToken>
auto start(context& own, task<T> work, CompletionToken&& token)
{
    static_assert(std::is_void_v<T> || std::is_default_constructible_v<T>,
                  "a handler is called with T() where the task threw: return a std::optional");
    return asio::async_initiate<CompletionToken, typename detail::start_signature<T>::type>(
        detail::start_initiation{&own}, token, std::move(work));
}

} // namespace portico
