// Errors and results: the bottom of the library, which every layer may use. No Asio, no I/O.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace portico::inline v0_1 {

/// Conditions that the operating system has no number for.
enum class errc {
    timed_out = 1,  ///< a deadline of ours passed (TCP's own ETIMEDOUT is std::errc::timed_out)
    truncated,      ///< the stream ended inside a line, a block or a body
    limit_exceeded, ///< the peer sent more than a limit allows
    closed,         ///< the object was closed on this side
    malformed,      ///< the peer's bytes, or a text to parse, break the rules of their format
    refused,        ///< the peer understood and said no
    untrusted       ///< the peer could not show that it is who it should be
};

} // namespace portico

template <>
struct std::is_error_code_enum<portico::errc> : std::true_type {};

namespace portico::inline v0_1 {

/// What was under way when a deadline passed.
enum class phase { none, resolve, connect, handshake, read, write, idle, total };

/// The category of `errc`.
const std::error_category& portico_category() noexcept;
/// What makes an `errc` comparable with the code of an error.
std::error_code make_error_code(errc code) noexcept;
/// Its name: `connect`.
std::string_view to_string(phase value) noexcept;

/// A failure of the network, of the peer or of a limit: what was attempted (`operation`), on what (`target`), and why
/// (`code`). `what()` is one line with all of it: `connect to localhost:9999: Connection refused`.
class error : public std::system_error {
public:
    /// What has failed, on what, and why; see the members of these names.
    error(std::error_code code, std::string operation, std::string target = {}, phase during = phase::none,
          std::string detail = {});
    /// The same with a condition of ours.
    error(errc code, std::string operation, std::string target = {}, phase during = phase::none, std::string detail = {})
        : error(make_error_code(code), std::move(operation), std::move(target), during, std::move(detail)) {}

    /// One line for a person: what was attempted, on what, and why it failed.
    const char* what() const noexcept override { return facts_->text.c_str(); }
    /// What was attempted: "connect to", "read from".
    const std::string& operation() const noexcept { return facts_->operation; }
    /// On what: an address, a URL, a file.
    const std::string& target() const noexcept { return facts_->target; }
    /// What was under way, where the code is `errc::timed_out`; otherwise `phase::none`.
    portico::phase phase() const noexcept { return facts_->during; }
    /// Why, beyond what the code says; may be empty.
    const std::string& detail() const noexcept { return facts_->detail; }
    /// Every attempt that failed on the way (one for each address that was tried); empty where there was only one.
    const std::vector<error>& attempts() const noexcept { return facts_->attempts; }

    /// An error that stands for several failed attempts; its code is that of the last one.
    /// A single attempt on the target itself stands for itself.
    static error of_attempts(std::string operation, std::string target, std::vector<error> attempts);

    /// Throws this error as the type it has.
    [[noreturn]] virtual void raise() const { throw *this; }
    /// A copy that keeps the type.
    virtual std::shared_ptr<const error> clone() const { return std::make_shared<const error>(*this); }

private:
    struct facts {
        std::string operation, target, detail;
        portico::phase during;
        std::vector<error> attempts;
        std::string text;
    };
    error(std::error_code code, facts known);
    std::shared_ptr<const facts> facts_;
};

/// The peer's bytes are wrong: `detail()` says which rule they break. The code is `errc::malformed`,
/// `errc::truncated` or `errc::limit_exceeded`.
class protocol_error : public error {
public:
    /// `detail` says which rule is broken.
    protocol_error(errc code, std::string operation, std::string detail, std::string target = {})
        : error(code, std::move(operation), std::move(target), phase::none, std::move(detail)) {}
    [[noreturn]] void raise() const override { throw *this; }
    std::shared_ptr<const error> clone() const override { return std::make_shared<const protocol_error>(*this); }
};

/// The server understood and said no: `status()` is its number for that (404, 550). The code is `errc::refused`.
class reply_error : public error {
public:
    /// `detail` is what the server says in words.
    reply_error(int status, std::string operation, std::string detail, std::string target = {})
        : error(errc::refused, std::move(operation), std::move(target), phase::none, std::move(detail)), status_(status) {}
    int status() const noexcept { return status_; } ///< the number of the reply
    [[noreturn]] void raise() const override { throw *this; }
    std::shared_ptr<const error> clone() const override { return std::make_shared<const reply_error>(*this); }

private:
    int status_;
};

/// The caller broke a rule of the interface: a second read while one is pending, an object used outside its context.
class misuse : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// The outcome of an operation as a value: a `T`, or the `error` that prevented it. The interface is that of
/// `std::expected<T, error>`; `value()` throws the error as the type it has.
template <class T>
class [[nodiscard]] result {
    struct nothing {};
    using stored = std::conditional_t<std::is_void_v<T>, nothing, T>;

public:
    using value_type = T; ///< what it holds where the operation has succeeded
    using error_type = portico::error; ///< what it holds where not

    result() requires std::is_void_v<T> = default;
    /// A success.
    template <class U = stored>
        requires(!std::is_void_v<T>) && std::is_convertible_v<U, stored>
             && (!std::is_base_of_v<portico::error, std::remove_cvref_t<U>>)
             && (!std::is_same_v<std::remove_cvref_t<U>, result>)
    result(U&& value) : value_(std::forward<U>(value)) {}
    /// A failure; the type of the error is kept.
    result(const portico::error& failure) : failure_(failure.clone()) {}

    bool has_value() const noexcept { return failure_ == nullptr; } ///< whether it is a success
    explicit operator bool() const noexcept { return has_value(); } ///< the same

    /// The value; throws the error, as the type it has, where there is none.
    decltype(auto) value() &
    {
        check();
        if constexpr (!std::is_void_v<T>)
            return (*value_);
    }
    /// The same.
    decltype(auto) value() const&
    {
        check();
        if constexpr (!std::is_void_v<T>)
            return (*value_);
    }
    /// The same, moved out.
    T value() &&
    {
        check();
        if constexpr (!std::is_void_v<T>)
            return std::move(*value_);
    }

    /// Undefined where there is no error, as in `std::expected`.
    const portico::error& error() const noexcept { return *failure_; }

    /// The value, unchecked: undefined where there is none.
    stored& operator*() & noexcept requires(!std::is_void_v<T>) { return *value_; }
    /// The same.
    const stored& operator*() const& noexcept requires(!std::is_void_v<T>) { return *value_; }
    /// The same.
    stored&& operator*() && noexcept requires(!std::is_void_v<T>) { return std::move(*value_); }
    /// A member of the value, unchecked.
    stored* operator->() noexcept requires(!std::is_void_v<T>) { return &*value_; }
    /// The same.
    const stored* operator->() const noexcept requires(!std::is_void_v<T>) { return &*value_; }

    /// The value, or `otherwise` where there is none.
    template <class U>
    T value_or(U&& otherwise) const& requires(!std::is_void_v<T>)
    {
        return has_value() ? **this : static_cast<T>(std::forward<U>(otherwise));
    }

    /// `function(value)`, which returns a result, where there is a value; else the error.
    template <class F>
    auto and_then(F&& function) const&
    {
        if constexpr (std::is_void_v<T>)
            return has_value() ? std::forward<F>(function)() : std::invoke_result_t<F>(error());
        else
            return has_value() ? std::forward<F>(function)(**this) : std::invoke_result_t<F, const T&>(error());
    }

    /// A result of `function(value)` where there is a value; else the error.
    template <class F>
    auto transform(F&& function) const&
    {
        if constexpr (std::is_void_v<T>)
            return and_then([&] { return result<std::invoke_result_t<F>>(function()); });
        else
            return and_then([&](const T& value) { return result<std::invoke_result_t<F, const T&>>(function(value)); });
    }

private:
    void check() const
    {
        if (!has_value())
            error().raise();
    }
    std::optional<stored> value_;
    std::shared_ptr<const portico::error> failure_; // none where there is a value
};

} // namespace portico
