// start: how a task failed, as handlers of Asio's are told.
#include <portico/asio/start.hpp>

#include <asio/error.hpp>

namespace portico::inline v0_1::detail {

std::exception_ptr to_asio(std::exception_ptr failure)
{
    if (!failure)
        return nullptr;
    try {
        std::rethrow_exception(failure);
    } catch (const cancelled&) {
        return std::make_exception_ptr(std::system_error(asio::error::operation_aborted, "a task was cancelled"));
    } catch (...) {
        return failure;
    }
}

} // namespace portico::detail
