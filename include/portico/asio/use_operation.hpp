// use_operation: the completion token with which a task awaits any operation of Asio's.
#pragma once

#include <portico/asio/context.hpp>

#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <atomic>
#include <optional>
#include <portico/core/foreign_operation.hpp>
#include <tuple>

namespace portico::inline v0_1 {

/// The type of `use_operation`.
struct use_operation_t {};

/// `std::size_t count = co_await socket.async_read_some(buffer, portico::use_operation);`, in a task: the token makes
/// any asynchronous operation of Asio's an `operation`, which begins when it is awaited, and which `with_deadline` and
/// `as_result` take. A handler's leading `std::error_code` is thrown as `portico::error`, a leading `std::exception_ptr`
/// as what it is; the await completes with the value after it, or a `std::tuple` of the values, or nothing.
///
/// A cancellation or a deadline cancels the operation in Asio and waits for its handler, so that its buffers may be the
/// task's own; only destroying the task, or its context, does not wait. It throws `cancelled`, or fails with
/// `errc::timed_out`, only where the handler was called with `asio::error::operation_aborted`: what was done by then
/// counts, but how far a composed operation got is only told by `asio::as_tuple(use_operation)`. Where the handler is
/// destroyed uncalled, it fails with `std::errc::operation_canceled`.
///
/// The object of the operation (a socket, a timer) is used in the context's sequence (`portico::get_executor`), and
/// outlives the handler.
inline constexpr use_operation_t use_operation{};

namespace detail {

/// What does not depend on the operation.
class asio_wait : public foreign_operation {
protected:
    struct shared : link {
        /// In the context's sequence.
        void finish() noexcept;

        asio::cancellation_signal stop;
        bool stopping = false; // `stop` is being emitted: nobody may be resumed
        std::atomic<bool> dropped = false;
        bool called = false;
        std::error_code code; // the first of the handler's values, where that is its type
        std::exception_ptr thrown;
        unique_function<void(unique_function<void()>)> post;
    };
    explicit asio_wait(std::shared_ptr<shared> made) noexcept : foreign_operation(made), shared_(std::move(made)) {}
    ~asio_wait();

    /// The executor for the handler.
    asio::any_io_executor prepare();
    void rethrow() const;

private:
    void conclude() noexcept final;
    void interrupt() noexcept final;
    bool emit() noexcept;
    error describe(std::error_code code) const final;

    std::shared_ptr<shared> shared_;
    bool interrupted_ = false;
};

template <class Signature, class Initiation, class... Arguments>
class asio_operation;

template <class... Values, class Initiation, class... Arguments>
class asio_operation<void(Values...), Initiation, Arguments...> final : public asio_wait {
    using failure_type = std::tuple_element_t<0, std::tuple<std::decay_t<Values>..., void*>>;
    static constexpr bool has_code = std::is_same_v<failure_type, std::error_code>;
    static constexpr bool has_failure = has_code || std::is_same_v<failure_type, std::exception_ptr>;
    static constexpr std::size_t first = has_failure ? 1 : 0, count = sizeof...(Values) - first;

    struct state : shared {
        std::optional<std::tuple<std::decay_t<Values>...>> values;
    };
    /// Called once, or destroyed uncalled.
    struct handler {
        using executor_type = asio::any_io_executor;
        using cancellation_slot_type = asio::cancellation_slot;
        handler(std::shared_ptr<state> shared, asio::any_io_executor through)
            : own(std::move(shared)), executor(std::move(through)) {}
        handler(handler&&) = default;
        handler& operator=(handler&&) = delete;
        ~handler()
        {
            if (!own || own->called)
                return;
            own->dropped = true;
            own->post([own = own] { own->finish(); });
        }
        executor_type get_executor() const noexcept { return executor; }
        cancellation_slot_type get_cancellation_slot() const noexcept { return own->stop.slot(); }
        void operator()(Values... values)
        {
            own->called = true;
            own->values.emplace(std::forward<Values>(values)...);
            if constexpr (has_code)
                own->code = std::get<0>(*own->values);
            else if constexpr (has_failure)
                own->thrown = std::get<0>(*own->values);
            // Through the executor, though Asio calls it there: others might not.
            asio::dispatch(executor, [own = own] { own->finish(); });
        }
        std::shared_ptr<state> own;
        asio::any_io_executor executor;
    };

public:
    asio_operation(Initiation initiation, Arguments... arguments)
        : asio_operation(std::make_shared<state>(), std::move(initiation), std::move(arguments)...) {}

    auto value()
    {
        rethrow();
        if constexpr (count == 1)
            return std::get<first>(std::move(*state_->values));
        else if constexpr (count > 1)
            return rest(std::make_index_sequence<count>());
    }

private:
    asio_operation(std::shared_ptr<state> made, Initiation initiation, Arguments... arguments)
        : asio_wait(made), state_(std::move(made)), initiation_(std::move(initiation)),
          arguments_(std::move(arguments)...) {}

    template <std::size_t... index>
    auto rest(std::index_sequence<index...>)
    {
        return std::tuple(std::get<first + index>(std::move(*state_->values))...);
    }
    void begin() noexcept override
    {
        try {
            handler made(state_, prepare());
            std::apply([&](Arguments&... each) { std::move(initiation_)(std::move(made), std::move(each)...); },
                       arguments_);
        } catch (...) {
            state_->thrown = std::current_exception();
            state_->called = true;
            state_->end();
        }
    }

    std::shared_ptr<state> state_;
    Initiation initiation_;
    std::tuple<Arguments...> arguments_;
};

} // namespace detail
} // namespace portico

template <class... Values>
struct asio::async_result<portico::use_operation_t, void(Values...)> {
    template <class Initiation, class... Arguments>
    static auto initiate(Initiation&& initiation, portico::use_operation_t, Arguments&&... arguments)
    {
        return portico::detail::asio_operation<void(Values...), std::decay_t<Initiation>, std::decay_t<Arguments>...>(
            std::forward<Initiation>(initiation), std::forward<Arguments>(arguments)...);
    }
};
