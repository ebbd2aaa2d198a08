// Fuzzes the PROXY protocol: a header is found with its last byte and not before, what follows it changes nothing, what
// was read is written to something that reads the same, and a connection takes exactly the header.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <portico/core/context.hpp>
#include <portico/core/deadline.hpp>
#include <portico/error.hpp>
#include <portico/memory/memory_backend.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/proxy_protocol.hpp>
#include <string>
#include <string_view>

namespace {

void abort_unless(bool condition)
{
    if (!condition)
        std::abort();
}

using found_header = std::optional<portico::parsed_proxy_header>;

/// The header; none where there is none, or `more` is needed.
found_header parse_header(std::string_view received, bool& more)
{
    more = false;
    try {
        found_header found = portico::parse_proxy_header(portico::bytes(received));
        more = !found;
        return found;
    } catch (const portico::protocol_error& failure) {
        abort_unless(failure.code() == portico::errc::malformed || failure.code() == portico::errc::limit_exceeded);
        return {};
    }
}

portico::task<portico::result<portico::proxy_header>> read_header(portico::memory_backend& outside,
                                                                  std::string_view sent, std::string& rest)
{
    using namespace portico;
    context& own = co_await this_context();
    auto ends = outside.make_link();
    connection near(own, std::move(ends.first)), far(own, std::move(ends.second));
    co_await far.write(bytes(sent));
    far.shutdown_write().value();
    auto found = co_await as_result(read_proxy_header(near));
    if (found) {
        const bytes left = co_await near.read_all(sent.size());
        rest = std::string(left.text());
    }
    co_return found;
}

void check_connection(std::string_view sent, std::size_t most_a_read, const found_header& expected)
{
    auto outside = std::make_unique<portico::memory_backend>();
    portico::memory_backend& memory = *outside;
    portico::memory_link link;
    link.capacity = sent.size() + 1;
    link.most_a_read = most_a_read;
    memory.link(link);
    portico::context own(std::move(outside));
    std::string rest;
    const auto found = own.run(read_header(memory, sent, rest));
    abort_unless(found.has_value() == expected.has_value());
    abort_unless(!found || (*found == expected->header && rest == sent.substr(expected->size)));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::size_t taken = 0;
    bool more = true;
    found_header found;
    while (more && taken <= size)
        found = parse_header(input.substr(0, taken++), more);
    --taken;
    abort_unless(!more || taken < portico::proxy_header::max_size);
    bool more_of_all = false;
    const found_header of_all = parse_header(input, more_of_all);
    abort_unless(more == more_of_all && found.has_value() == of_all.has_value());
    if (found) {
        abort_unless(found->size == taken && of_all->size == taken && of_all->header == found->header);
        const std::string again = to_bytes(found->header);
        const found_header same = parse_header(again, more);
        abort_unless(same && same->size == again.size() && same->header == found->header);
    }
    check_connection(input, SIZE_MAX, found);
    check_connection(input, 1, found);
    return 0;
}
