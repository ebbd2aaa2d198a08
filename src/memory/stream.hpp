// memory_stream: one end of a link in memory.
#pragma once

#include <memory>
#include <portico/memory/memory_backend.hpp>
#include <string>

namespace portico::inline v0_1::memory {

/// One direction of a link.
struct pipe {
    explicit pipe(const memory_link& how) : options(how) {}
    memory_link options;
    std::string data;
    std::uint64_t moved = 0;        // bytes that have arrived
    bool connecting = false;        // the reader is not there yet
    bool ended = false;             // the writer has sent the end
    bool reader_gone = false;       // nobody will read
    int broken = 0;                 // an errno value that both sides see
    operation* reader = nullptr;    // who waits for data
    operation* writer = nullptr;    // who waits for room

    bool readable() const noexcept { return !data.empty() || ended || broken != 0; }
    bool writable() const noexcept
    {
        return (data.size() < options.capacity && !connecting) || reader_gone || broken != 0;
    }
    void wake() noexcept;
    void reset() noexcept;
};

class stream final : public transport {
public:
    stream(std::shared_ptr<pipe> in, std::shared_ptr<pipe> out, const endpoint& local, const endpoint& remote)
        : in_(std::move(in)), out_(std::move(out)), local_(local), remote_(remote) {}

    io_result try_read(std::span<char> destination) noexcept override;
    io_result try_write(std::span<const bytes> buffers) noexcept override;
    void wait(direction which, operation& waiter) noexcept override;
    void abandon(direction which) noexcept override;
    std::error_code connect_result() noexcept override { return {out_->broken, std::system_category()}; }
    std::error_code shutdown_write() noexcept override;
    void close() noexcept override;
    void abort() noexcept override;
    endpoint local_endpoint() const noexcept override { return local_; }
    endpoint remote_endpoint() const noexcept override { return remote_; }
    void release() noexcept override;

    /// The end that connects: it waits until the other one answers.
    void await_answer() noexcept { out_->connecting = true; }
    /// The other end: the connect has succeeded (0) or failed.
    void answer(int system_error) noexcept;
    bool is_awaited() const noexcept { return !out_->reader_gone; }

private:
    std::shared_ptr<pipe> in_, out_;
    endpoint local_, remote_;
    bool closed_ = false;
};

} // namespace portico::memory
