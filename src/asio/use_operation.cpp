// use_operation: how an operation of Asio's is asked to end, and what came of it.
#include <portico/asio/use_operation.hpp>

namespace portico::inline v0_1::detail {

namespace {

bool is_abort(const std::exception_ptr& thrown)
{
    try {
        if (thrown)
            std::rethrow_exception(thrown);
    } catch (const std::system_error& failure) {
        return failure.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
    return false;
}

} // namespace

asio_wait::~asio_wait()
{
    interrupt();
}

void asio_wait::interrupt() noexcept
{
    if (has_begun() && !has_ended() && !std::exchange(interrupted_, true))
        shared_->stop.emit(asio::cancellation_type::terminal);
}

void asio_wait::conclude() noexcept
{
    if (interrupted_ && (shared_->code == asio::error::operation_aborted || is_abort(shared_->thrown)))
        fail_interrupted();
    else if (shared_->code)
        fail(shared_->code.value());
}

error asio_wait::describe(std::error_code code) const
{
    return {code == errc::timed_out ? code : shared_->code, "complete an operation of Asio", {},
            code == errc::timed_out ? phase::total : phase::none};
}

void asio_wait::rethrow() const
{
    if (shared_->thrown)
        std::rethrow_exception(shared_->thrown);
}

} // namespace portico::detail
