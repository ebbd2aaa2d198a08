// A context on a caller's io_context, and which Asio that is.
#include <portico/asio/context.hpp>

#include "os/backend.hpp"

namespace portico::inline v0_1 {

// The header refers to it, and so it is defined for this library's Asio, here and nowhere else.
template <unsigned version, auto... options>
void detail::configuration::asio_of_this_program<version, options...>::is_not_that_of_portico()
{
}

std::unique_ptr<backend> make_os_backend(asio::io_context& loop, loop_threads threads)
{
    return std::make_unique<os::backend>(loop, threads == loop_threads::several);
}

asio::any_io_executor get_executor(context& of)
{
    const auto* const outside = dynamic_cast<const os::backend*>(&of.backend());
    if (outside == nullptr)
        throw misuse("a context that is not on the operating system has no executor");
    return outside->sequence();
}

} // namespace portico
