// unique_function: any callable, owned; move-only. C++23's std::move_only_function, without the cost of <functional>.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace portico::inline v0_1 {

template <class Signature>
class unique_function;

/// Owns a callable with this signature, move-only ones too, and calls it as const: what several calls share is shared
/// in plain sight. Empty until it is given one.
template <class R, class... Arguments>
class unique_function<R(Arguments...)> {
public:
    unique_function() noexcept = default;
    /// Owns a callable, on the heap.
    template <class F>
        requires(!std::same_as<std::remove_cvref_t<F>, unique_function>)
             && std::is_invocable_r_v<R, const std::decay_t<F>&, Arguments...>
    unique_function(F&& function) : callable_(std::make_unique<holder<std::decay_t<F>>>(std::forward<F>(function)))
    {
    }

    explicit operator bool() const noexcept { return callable_ != nullptr; } ///< whether there is one
    /// Calls it, which must be there.
    R operator()(Arguments... arguments) const { return callable_->call(std::forward<Arguments>(arguments)...); }

private:
    struct callable {
        virtual ~callable() = default;
        virtual R call(Arguments... arguments) const = 0;
    };
    template <class F>
    struct holder final : callable {
        template <class G>
            requires std::same_as<std::decay_t<G>, F>
        explicit holder(G&& function) : function_(std::forward<G>(function))
        {
        }
        R call(Arguments... arguments) const override { return function_(std::forward<Arguments>(arguments)...); }
        F function_;
    };
    std::unique_ptr<const callable> callable_;
};

} // namespace portico
