// connect: one attempt, and one after the other.
#include <portico/net/connector.hpp>

namespace portico {

namespace {

/// Waits until a transport that is connecting has succeeded or failed.
class connecting final : public timed_operation {
public:
    connecting(transport& stream, const endpoint& to, duration timeout) noexcept
        : timed_operation(timeout), stream_(stream), to_(to) {}
    ~connecting() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override
    {
        if (!std::exchange(started_, true))
            return false;
        if (const std::error_code code = stream_.connect_result())
            fail(code.value());
        return true;
    }
    void arm() noexcept override { stream_.wait(direction::write, *this); }
    void disarm() noexcept override { stream_.abandon(direction::write); }
    error describe(std::error_code code) const override
    {
        return {code, "connect to", to_string(to_), code == errc::timed_out ? phase::connect : phase::none};
    }

    transport& stream_;
    const endpoint& to_;
    bool started_ = false;
};

} // namespace

task<connection> connect(endpoint to, connect_options options)
{
    context& own = co_await this_context();
    auto stream = own.backend().connect(to, options);
    if (!stream)
        stream.error().raise();
    co_await connecting(**stream, to, options.timeout);
    co_return connection(own, std::move(*stream));
}

task<connection> connect(address to, connect_options options)
{
    const std::vector<endpoint> endpoints = co_await with_deadline(options.timeout, resolve(to));
    std::vector<error> errors;
    for (const endpoint& each : endpoints) {
        auto attempt = co_await as_result(connect(each, options));
        if (attempt)
            co_return std::move(*attempt);
        errors.push_back(attempt.error());
    }
    throw error::of_attempts("connect to", to_string(to), std::move(errors));
}

} // namespace portico
