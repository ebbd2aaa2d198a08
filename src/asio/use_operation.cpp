// use_operation: how an operation of Asio's is asked to end, and what came of it.
#include <portico/asio/use_operation.hpp>

#include <cerrno>

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

void asio_wait::shared::finish() noexcept
{
    stop.slot().clear();
    if (stopping)
        ended = true;
    else
        end();
}

asio::any_io_executor asio_wait::prepare()
{
    asio::any_io_executor sequence = get_executor(owner());
    shared_->post = owner().backend().poster();
    return sequence;
}

asio_wait::~asio_wait()
{
    shared_->stopping = true;
    emit();
}

// Whether that has ended it.
bool asio_wait::emit() noexcept
{
    if (!has_begun() || has_ended() || shared_->dropped || std::exchange(interrupted_, true))
        return false;
    shared_->stop.emit(asio::cancellation_type::terminal);
    return has_ended();
}

void asio_wait::interrupt() noexcept
{
    shared_->stopping = true;
    const bool ended = emit();
    shared_->stopping = false;
    if (ended)
        end_later();
}

void asio_wait::conclude() noexcept
{
    if (!shared_->called)
        shared_->code = std::make_error_code(std::errc::operation_canceled);
    if (interrupted_ && (!shared_->called || shared_->code == asio::error::operation_aborted || is_abort(shared_->thrown)))
        fail_interrupted();
    else if (shared_->code)
        fail(EIO); // which `describe` replaces: the value may be of any category
}

error asio_wait::describe(std::error_code code) const
{
    const bool late = code == errc::timed_out;
    return {late ? code : shared_->code, "complete an operation of Asio", {}, late ? phase::total : phase::none};
}

void asio_wait::rethrow() const
{
    if (shared_->thrown)
        std::rethrow_exception(shared_->thrown);
}

} // namespace portico::detail
