// The PROXY protocol on a connection: reading and writing a header, and what it changes.
#include <portico/net/proxy_protocol.hpp>

#include <portico/core/memory_pool.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/layered_transport.hpp>

namespace portico::inline v0_1 {

namespace {

/// All is as below, but for the two endpoints.
class proxied_transport final : public layered_transport, public detail::pooled {
public:
    proxied_transport(endpoint local, endpoint remote) noexcept
        : local_(std::move(local)), remote_(std::move(remote)) {}

    io_result try_read(std::span<char> destination) noexcept override { return below->try_read(destination); }
    io_result try_write(std::span<const bytes> buffers) noexcept override { return below->try_write(buffers); }
    io_result try_write_descriptors(bytes data, std::span<const int> handles) noexcept override
    {
        return below->try_write_descriptors(data, handles);
    }
    io_result try_read_descriptors(std::span<char> destination, std::size_t most,
                                   std::vector<int>& handles) noexcept override
    {
        return below->try_read_descriptors(destination, most, handles);
    }
    io_result try_write_file(int file, std::uint64_t offset, std::size_t count) noexcept override
    {
        return below->try_write_file(file, offset, count);
    }
    io_result try_read_to_file(int file, std::size_t count) noexcept override
    {
        return below->try_read_to_file(file, count);
    }
    void wait_for_many(std::size_t count, operation& waiter) noexcept override { below->wait_for_many(count, waiter); }
    void wait(direction which, operation& waiter) noexcept override { below->wait(which, waiter); }
    void abandon(direction which) noexcept override { below->abandon(which); }
    std::error_code connect_result() noexcept override { return below->connect_result(); }
    std::error_code shutdown_write() noexcept override { return below->shutdown_write(); }
    bool is_readable() noexcept override { return below->is_readable(); }
    std::string failure_detail() const override { return below->failure_detail(); }

    void close() noexcept override
    {
        local_ = {};
        below->close();
    }
    void abort() noexcept override
    {
        local_ = {};
        below->abort();
    }
    int release_handle() noexcept override
    {
        const int handle = below->release_handle();
        if (handle >= 0)
            local_ = {};
        return handle;
    }
    void release() noexcept override { delete this; }

    endpoint local_endpoint() const noexcept override { return local_; }
    endpoint remote_endpoint() const noexcept override { return remote_; }

private:
    endpoint local_, remote_;
};

} // namespace

task<proxy_header> read_proxy_header(connection& from)
{
    for (std::size_t wanted = 1;; wanted = from.buffered() + 1) {
        const bytes first = co_await from.peek(wanted);
        if (first.size() < wanted)
            throw protocol_error(errc::truncated, "read the PROXY header from", "the stream ended before it was whole",
                                 to_string(from.remote_endpoint()));
        const bytes received = co_await from.peek(from.buffered());
        auto parsed = parse_proxy_header(received, from.remote_endpoint());
        if (!parsed)
            continue;
        co_await from.read_exactly(parsed->size);
        co_return std::move(parsed->header);
    }
}

void apply_proxy_header(connection& to, const proxy_header& header)
{
    if (header.is_local())
        return;
    auto* const made = new proxied_transport(header.destination, header.source);
    transport_ptr owned(made);
    made->below = to.exchange_transport(std::move(owned));
}

task<> write_proxy_header(connection& to, proxy_header header)
{
    const std::string text = to_bytes(header);
    co_await to.write(text);
}

} // namespace portico
