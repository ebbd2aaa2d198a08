// asio_stream: a connection for Asio's algorithms.
#pragma once

#include <portico/asio/start.hpp>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <portico/net/connection.hpp>
#include <span>
#include <vector>

namespace portico::inline v0_1 {

namespace detail {

struct transferred {
    std::error_code code;
    std::size_t count = 0;
    bool ended = false; ///< the end of the stream, for which Asio has an error of its own
};

task<transferred> read_for_asio(connection& from, std::span<char> destination);
task<transferred> write_for_asio(connection& to, std::vector<bytes> buffers);

/// Here and not in the library: the address of Asio's category is that of the program.
inline std::tuple<std::error_code, std::size_t> tell_transferred(task_result<transferred>& outcome)
{
    const transferred what = outcome.take();
    return {what.ended ? std::error_code(asio::error::eof) : what.code, what.count};
}

} // namespace detail

/// A connection as an AsyncReadStream and AsyncWriteStream, for `asio::async_read_until`, `asio::async_write`,
/// `asio::ssl::stream` and the like. It refers to the connection, which outlives its operations, is not moved meanwhile,
/// and has its timeout and rules: one read and one write at a time. Used in the context's sequence
/// (`portico::get_executor`), where handlers are called unless they have an executor of their own.
///
/// What the connection throws arrives as its code, a cancellation as `asio::error::operation_aborted`, the end of the
/// stream as `asio::error::eof`. Through their handler's cancellation slot operations can be cancelled; a read that was
/// has taken nothing, a write says how much was sent.
class asio_stream {
public:
    using executor_type = asio::any_io_executor; ///< that of the context
    using lowest_layer_type = asio_stream;       ///< what `asio::ssl::stream` asks for

    /// Throws `misuse` where the connection is not on the operating system.
    explicit asio_stream(connection& carried) : carried_(&carried), executor_(portico::get_executor(carried.owner())) {}

    executor_type get_executor() const noexcept { return executor_; } ///< where handlers are called
    lowest_layer_type& lowest_layer() noexcept { return *this; }      ///< itself
    const lowest_layer_type& lowest_layer() const noexcept { return *this; } ///< itself
    connection& carried() const noexcept { return *carried_; } ///< the connection

    /// Some bytes, at least one, into the first of the buffers that is not empty; none, at once, where all are.
    template <class MutableBuffers, class ReadToken>
    auto async_read_some(const MutableBuffers& buffers, ReadToken&& token)
    {
        asio::mutable_buffer first;
        for (auto each = asio::buffer_sequence_begin(buffers); each != asio::buffer_sequence_end(buffers); ++each)
            if (first.size() == 0)
                first = *each;
        const std::span destination(static_cast<char*>(first.data()), first.size());
        return asio::async_initiate<ReadToken, void(std::error_code, std::size_t)>(initiation{executor_}, token,
            carried_, [destination](connection& from) { return detail::read_for_asio(from, destination); });
    }

    /// All bytes of the buffers.
    template <class ConstBuffers, class WriteToken>
    auto async_write_some(const ConstBuffers& buffers, WriteToken&& token)
    {
        std::vector<bytes> parts;
        for (auto each = asio::buffer_sequence_begin(buffers); each != asio::buffer_sequence_end(buffers); ++each) {
            const asio::const_buffer part(*each);
            parts.emplace_back(static_cast<const char*>(part.data()), part.size());
        }
        return asio::async_initiate<WriteToken, void(std::error_code, std::size_t)>(initiation{executor_}, token,
            carried_, [parts = std::move(parts)](connection& to) { return detail::write_for_asio(to, parts); });
    }

private:
    struct initiation {
        using executor_type = asio::any_io_executor; ///< that of the context
        executor_type get_executor() const noexcept { return executor; }
        template <class Handler, class Transfer>
        void operator()(Handler&& handler, connection* which, const Transfer& transfer) const
        {
            detail::start_for(which->owner(), transfer(*which), std::forward<Handler>(handler), detail::tell_transferred);
        }
        asio::any_io_executor executor;
    };

    connection* carried_;
    asio::any_io_executor executor_;
};

} // namespace portico
