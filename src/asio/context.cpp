// The door for Asio users: see portico/asio.hpp.
#include <portico/asio.hpp>

#include "os/backend.hpp"

namespace portico::inline v0_1 {

std::unique_ptr<backend> make_os_backend(asio::io_context& loop, loop_threads threads)
{
    return std::make_unique<os::backend>(loop, threads == loop_threads::several);
}

} // namespace portico
