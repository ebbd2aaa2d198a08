// handler: what serves a connection; the same for servers and clients, and for every kind of transport.
#pragma once

#include <concepts>
#include <memory>
#include <portico/core/task.hpp>
#include <type_traits>
#include <utility>

namespace portico {

class connection;

/// Owns any callable `task<>(connection&)`, move-only ones too. It is called as const, once for each connection and
/// for several at a time, so that what they share is shared in plain sight; it lives as long as any of them runs.
class handler {
public:
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, handler>)
             && std::same_as<std::invoke_result_t<const std::decay_t<F>&, connection&>, task<>>
    handler(F&& function) : callable_(std::make_unique<holder<std::decay_t<F>>>(std::forward<F>(function))) {}

    /// Serves one connection; it may be moved from. An exception ends that connection alone.
    task<> operator()(connection& peer) const { return callable_->call(peer); }

private:
    struct callable {
        virtual ~callable() = default;
        virtual task<> call(connection& peer) const = 0;
    };
    template <class F>
    struct holder final : callable {
        template <class G>
        explicit holder(G&& function) : function_(std::forward<G>(function)) {}
        task<> call(connection& peer) const override { return function_(peer); }
        F function_;
    };
    std::unique_ptr<const callable> callable_;
};

} // namespace portico
