// Fuzzes what a SOCKS5 proxy may say: in one piece or byte by byte it means the same, and it ends with a connection or
// an error that names the destination.
#include "net/socks5.hpp"
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <portico/core/context.hpp>
#include <portico/memory/memory_backend.hpp>
#include <string>
#include <string_view>

namespace {

portico::task<std::string> converse(portico::memory_backend& outside, std::string_view said, bool has_user)
{
    using namespace portico;
    context& own = co_await this_context();
    auto ends = outside.make_link();
    connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
    co_await far.write(bytes(said));
    far.shutdown_write().value();
    const socks5_proxy which(tcp("proxy.test", 1080), has_user ? "user" : "", "secret");
    const address to = tcp("host.test", 80);
    const auto outcome = co_await as_result(detail::ask_proxy(near, which, to, time_point::max()));
    if (!outcome) {
        if (outcome.error().target() != "host.test:80")
            std::abort();
        co_return outcome.error().what();
    }
    const bytes rest = co_await near.read_all(said.size() + 1);
    if (!said.ends_with(rest.text()))
        std::abort();
    co_return "connected: " + std::string(rest.text());
}

std::string outcome_of(std::string_view said, std::size_t most_a_read, bool has_user)
{
    auto outside = std::make_unique<portico::memory_backend>();
    portico::memory_backend& memory = *outside;
    portico::memory_link link;
    link.capacity = said.size() + 1024;
    link.most_a_read = most_a_read;
    memory.link(link);
    portico::context own(std::move(outside));
    return own.run(converse(memory, said, has_user));
}

} // namespace

/// The first byte of the input chooses whether there is a user; the rest is what the proxy says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const bool has_user = data[0] % 2 == 1;
    const std::string_view said(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (outcome_of(said, SIZE_MAX, has_user) != outcome_of(said, 1, has_user))
        std::abort();
    return 0;
}
