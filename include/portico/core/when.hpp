// when_all and when_any: several awaits at once.
#pragma once

#include <portico/core/deadline.hpp>
#include <tuple>
#include <variant>

namespace portico::inline v0_1 {

namespace detail {

template <class T>
using non_void = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T, class Store>
task<> store_value(task<T> work, Store store)
{
    if constexpr (std::is_void_v<T>) {
        co_await std::move(work);
        store(std::monostate());
    } else {
        store(co_await std::move(work));
    }
}

template <class... T>
task<std::tuple<non_void<T>...>> all_of(task<T>... work)
{
    task_group group(co_await current_scope());
    std::tuple<std::optional<non_void<T>>...> values;
    std::apply([&](auto&... value) {
        (group.spawn(store_value(std::move(work), [&value](auto&& got) {
            value.emplace(std::forward<decltype(got)>(got));
        })), ...);
    }, values);
    co_await group.join();
    group.conclude();
    co_return std::apply([](auto&... value) { return std::tuple<non_void<T>...>(std::move(value.value())...); }, values);
}

template <class... T, std::size_t... Index>
task<std::variant<non_void<T>...>> any_of(std::index_sequence<Index...>, task<T>... work)
{
    using variant = std::variant<non_void<T>...>;
    task_group group(co_await current_scope());
    std::optional<variant> first;
    const auto start = [&]<std::size_t I>(std::integral_constant<std::size_t, I>, auto& each) {
        if (!first && !group.scope().is_cancelled())
            group.spawn(store_value(std::move(each), [&](auto&& got) {
                if (!first)
                    first.emplace(std::in_place_index<I>, std::forward<decltype(got)>(got));
                group.finish();
            }));
    };
    (start(std::integral_constant<std::size_t, Index>(), work), ...);
    co_await group.join();
    group.conclude();
    co_return std::move(first.value());
}

template <class... T>
task<std::variant<non_void<T>...>> any_of_tasks(task<T>... work)
{
    return any_of<T...>(std::index_sequence_for<T...>(), std::move(work)...);
}

template <class... T>
task<std::tuple<non_void<T>...>> all_of_tasks(task<T>... work)
{
    return all_of<T...>(std::move(work)...);
}

} // namespace detail

/// Awaits operations and tasks side by side; completes with a tuple of their values (`std::monostate` for void) when
/// all have ended. The first failure cancels the others and is thrown when they have ended.
template <class... Awaitable>
[[nodiscard]] auto when_all(Awaitable&&... work)
{
    return detail::all_of_tasks(detail::as_task(std::forward<Awaitable>(work))...);
}

/// Awaits operations and tasks side by side; the first that ends cancels the others, and when they have ended its
/// value arrives as the variant's alternative of its position, or its exception is thrown. An operation that was
/// cancelled so has moved no bytes; one that completes before it sees the cancellation loses its value. What fails
/// after the first goes to the context's reports.
template <class... Awaitable>
    requires(sizeof...(Awaitable) > 0)
[[nodiscard]] auto when_any(Awaitable&&... work)
{
    return detail::any_of_tasks(detail::as_task(std::forward<Awaitable>(work))...);
}

} // namespace portico
