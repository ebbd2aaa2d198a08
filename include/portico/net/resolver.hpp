// resolve: from the name of a host to endpoints, and back.
#pragma once

#include <memory>
#include <optional>
#include <portico/core/context.hpp>
#include <portico/net/endpoint.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace portico::inline v0_1 {

/// An IPv4 or IPv6 address in its usual text form, with a numeric zone behind `%` (RFC 4007); nothing else is looked
/// up. None where the text is no address.
std::optional<endpoint> parse_ip(std::string_view text, std::uint16_t port = 0);

namespace detail {

/// A question to the backend's resolver. The operation may be gone when the answer comes.
template <class T>
class looking_up : public timed_operation {
public:
    T value() { return std::move(**answer_); }

protected:
    looking_up() = default;
    ~looking_up() { abandon(); }
    using done = unique_function<void(result<T>)>;

    /// Gives the answer (`answer`), or has the backend call what `asked` returns.
    virtual void begin() = 0;
    /// What is looked up, for an error.
    virtual std::string subject() const = 0;

    void answer(result<T> what) { answer_.emplace(std::move(what)); }
    done asked()
    {
        request_ = std::make_shared<request>();
        return [own = request_](result<T> what) {
            own->answer.emplace(std::move(what));
            if (operation* const waiter = std::exchange(own->waiter, nullptr))
                waiter->ready_later();
        };
    }
    error describe(std::error_code code) const final
    {
        if (answer_ && !*answer_)
            return answer_->error();
        return {code, "resolve", subject(), code == errc::timed_out ? phase::resolve : phase::none};
    }

private:
    struct request {
        operation* waiter = nullptr;
        std::optional<result<T>> answer;
    };
    bool attempt() noexcept final
    {
        if (request_ == nullptr)
            begin();
        else if (request_->answer)
            answer_ = std::move(request_->answer);
        if (answer_ && !*answer_)
            fail(errc::refused); // `describe` has the reason
        return answer_.has_value();
    }
    void arm() noexcept final { request_->waiter = this; }
    void disarm() noexcept final { request_->waiter = nullptr; }

    std::shared_ptr<request> request_;
    std::optional<result<T>> answer_;
};

} // namespace detail

class resolving final : public detail::looking_up<std::vector<endpoint>> {
public:
    resolving(address where, resolve_query::family only) noexcept;
    ~resolving();

private:
    void begin() override;
    std::string subject() const override;
    address where_;
    resolve_query::family only_;
};

class resolving_names final : public detail::looking_up<resolved_names> {
public:
    explicit resolving_names(const endpoint& which) noexcept;
    ~resolving_names();

private:
    void begin() override;
    std::string subject() const override;
    endpoint which_;
};

/// The endpoints of a host, in the order in which the system wants them tried; with `only`, those of one family. An
/// address in text form needs no look-up, nor does a Unix socket; the zone of an IPv6 address may be the name of an
/// interface. Every other name, and the name of a service, is asked for as all programs of the system ask
/// (getaddrinfo), on threads that never hold up the program's end. `localhost`, and what ends with `.localhost`, is the
/// loopback addresses, whatever the system says (RFC 6761).
///
/// Fails with the resolver's reason (`resolver_category`); with `errc::malformed` for what cannot be a name (RFC 1035
/// section 2.3.4: labels of 1 to 63 bytes, 253 in all), which nobody is asked for; late, with `errc::timed_out` of
/// `phase::resolve`. A look-up that is cancelled or late is abandoned.
[[nodiscard]] resolving resolve(address where, resolve_query::family only = resolve_query::family::any);

/// The names of an IP address and its port, as the system has them (getnameinfo); a number where there is no name.
[[nodiscard]] resolving_names resolve_names(const endpoint& which);

/// The name of this machine (gethostname). Throws `error`.
std::string host_name(context& own);
/// Its network interfaces (if_nameindex). Throws `error`.
std::vector<network_interface> interfaces(context& own);

/// The category of what getaddrinfo reports (EAI_NONAME and its kin).
const std::error_category& resolver_category() noexcept;

} // namespace portico
