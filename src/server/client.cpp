// client: see client.hpp.
#include <portico/server/client.hpp>

namespace portico::inline v0_1 {

task<> client::run()
{
    connection peer = co_await connect(to_, options_.connecting);
    peer.timeout(options_.timeout);
    co_await use_(peer);
    if (peer.is_open())
        co_await peer.finish(options_.finish);
}

} // namespace portico
