// tftp_get: prints a file of a TFTP server (RFC 1350), in blocks of the size that is asked for (RFC 2348).
#include "program.hpp"

#include <charconv>
#include <optional>
#include <portico/wire/text.hpp>

using namespace portico;

namespace {

enum opcode : unsigned { read_request = 1, data = 3, acknowledgment = 4, error_message = 5, option_acknowledgment = 6 };
constexpr std::size_t usual_block_size = 512, least_block_size = 8, most_block_size = 65'464;

std::optional<std::size_t> block_size_of(std::string_view text)
{
    std::size_t size = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, code] = std::from_chars(text.data(), end, size);
    const bool is_size = code == std::errc() && rest == end && size >= least_block_size && size <= most_block_size;
    return is_size ? std::optional(size) : std::nullopt;
}

class transfer {
public:
    /// From a socket that is not connected: a server answers from a port of the transfer's own.
    transfer(datagram_socket& socket, endpoint server, std::string request, std::size_t block_size)
        : socket_(socket), peer_(std::move(server)), packet_(std::move(request)), asked_size_(block_size) {}

    /// Gets and prints all blocks, and sends again what was not answered for `patience`.
    task<> run(duration patience)
    {
        for (bool more = true; more;) {
            co_await socket_.send_to(packet_, peer_);
            const auto answer = co_await as_result(with_deadline(patience, receive()));
            if (answer)
                more = take(*answer);
            else if (answer.error().code() != errc::timed_out)
                answer.error().raise();
        }
        co_await socket_.send_to(packet_, peer_); // the last acknowledgment; nobody answers it
    }

private:
    // Completes with the next packet of the transfer. Others are old, or of strangers, who are told so (section 4).
    task<std::string> receive()
    {
        const std::string refusal = big_endian(error_message, 2) + big_endian(5, 2) + "unknown transfer" + '\0';
        for (;;) {
            const datagram received = co_await socket_.receive_from();
            const bool from_peer = answered_ ? received.from == peer_ : is_server(received.from);
            if (from_peer && is_expected(received.data)) {
                peer_ = received.from;
                answered_ = true;
                co_return std::string(received.data);
            }
            if (!from_peer && big_endian(received.data.subview(0, 2)) != error_message)
                [[maybe_unused]] const auto told = co_await as_result(socket_.send_to(refusal, received.from));
        }
    }

    bool is_server(endpoint from) const
    {
        from.port(peer_.port());
        return from == peer_;
    }

    bool is_expected(bytes packet) const
    {
        const std::uint64_t code = big_endian(packet.subview(0, 2));
        if (code == option_acknowledgment)
            return !answered_ && asked_size_ != usual_block_size;
        const bool is_next = code == data && packet.size() >= 4 && big_endian(packet.subview(2, 2)) == next_;
        return is_next || code == error_message;
    }

    // Whether there is more to come.
    bool take(bytes packet)
    {
        const std::uint64_t code = big_endian(packet.subview(0, 2));
        if (code == error_message)
            throw reply_error(static_cast<int>(big_endian(packet.subview(2, 2))), "get from",
                              text::escape(until_nul(packet.subview(4))), to_string(peer_));
        if (code == option_acknowledgment) {
            take_option(packet.subview(2));
            acknowledge(0);
            return true;
        }
        const bytes block = packet.subview(4);
        if (block.size() > block_size_)
            throw protocol_error(errc::malformed, "get from", "a block is too large", to_string(peer_));
        std::fwrite(block.data(), 1, block.size(), stdout);
        acknowledge(next_++); // 65,535 is followed by 0
        return block.size() == block_size_;
    }

    void take_option(bytes options)
    {
        const std::string_view name = until_nul(options);
        const auto size = block_size_of(until_nul(options.subview(name.size() + 1)));
        if (!text::equals_ignoring_case(name, "blksize") || !size || *size > asked_size_)
            throw protocol_error(errc::malformed, "get from", "an option that was not asked for", to_string(peer_));
        block_size_ = *size;
    }

    void acknowledge(std::uint16_t block) { packet_ = big_endian(acknowledgment, 2) + big_endian(block, 2); }
    static std::string_view until_nul(bytes text) { return text.text().substr(0, text.text().find('\0')); }

    datagram_socket& socket_;
    endpoint peer_;
    std::string packet_; // what was sent last
    std::size_t asked_size_, block_size_ = usual_block_size;
    std::uint16_t next_ = 1;
    bool answered_ = false; // the port of the transfer is known
};

task<> get(address server, std::string file, std::size_t block_size, duration patience)
{
    std::string request = big_endian(read_request, 2) + file + '\0' + "octet" + '\0';
    if (block_size != usual_block_size)
        request += std::string("blksize") + '\0' + std::to_string(block_size) + '\0';
    datagram_socket socket = co_await connect_datagram(server); // to an address that there is a route to
    const endpoint found = socket.remote_endpoint();
    socket.disconnect().value();
    transfer own(socket, found, request, block_size);
    co_await own.run(patience);
}

} // namespace

int main(int count, char** arguments)
{
    const char* const usage = "tftp_get [-t SECONDS] HOST:PORT FILE [BLOCK-SIZE]";
    return run_program(count, arguments, usage, 2, [](auto& words, duration limit) {
        const auto block_size = words.size() > 2 ? block_size_of(words[2]) : usual_block_size;
        if (!block_size)
            throw std::invalid_argument("no size of a block: " + words[2]);
        return get(address::parse(words[0], address::protocol::udp), words[1], *block_size, limit / 8);
    });
}
