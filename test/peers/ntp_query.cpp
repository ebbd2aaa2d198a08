// ntp_query: asks a time server (RFC 5905, client mode) how far its clock is from the one of this machine.
#include "program.hpp"

#include <chrono>
#include <portico/wire/text.hpp>

using namespace portico;

namespace {

constexpr std::size_t packet_size = 48;
constexpr std::uint64_t unix_epoch = 2'208'988'800; // in seconds since 1900

// The time of day as a timestamp of NTP: 32 bits of seconds and 32 of their fractions.
std::uint64_t clock_time()
{
    const auto since = std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    const auto nanoseconds = static_cast<std::uint64_t>(since);
    return (nanoseconds / 1'000'000'000 + unix_epoch) << 32 | (nanoseconds % 1'000'000'000 << 32) / 1'000'000'000;
}

// In seconds. Timestamps wrap around in 2036, and their difference does not mind (RFC 5905 section 6).
double difference(std::uint64_t left, std::uint64_t right)
{
    return static_cast<double>(static_cast<std::int64_t>(left - right)) / 4'294'967'296.0;
}

std::uint64_t timestamp(bytes packet, std::size_t position)
{
    return big_endian(packet.subview(position, 8));
}

struct sample {
    int stratum = 0;
    double offset = 0, delay = 0; // in seconds
};

// What an answer says (section 8), where the server knows the time.
sample read_answer(bytes answer, std::uint64_t sent, std::uint64_t received, const std::string& server)
{
    const int stratum = static_cast<unsigned char>(answer[1]);
    if (stratum == 0) // section 7.4: the reference identifier says why
        throw reply_error(0, "ask the time of", "the server says " + text::escape(answer.subview(12, 4)), server);
    const bool synchronized = (answer[0] & 0xc0) != 0xc0 && stratum < 16 && timestamp(answer, 40) != 0;
    if (!synchronized)
        throw reply_error(stratum, "ask the time of", "the server does not know the time", server);
    const double there = difference(timestamp(answer, 32), sent), back = difference(timestamp(answer, 40), received);
    return {stratum, (there + back) / 2, there - back};
}

task<sample> ask_time(datagram_socket& socket)
{
    // The server only repeats the transmit timestamp: a random one tells it nothing, and nobody can guess it.
    const std::uint64_t cookie = random_number(socket.owner(), 8);
    const std::string question = "\x23" + std::string(39, '\0') + big_endian(cookie, 8); // version 4, client mode
    const std::uint64_t sent = clock_time();
    const std::string answer = co_await ask_once(socket, question, [&](bytes packet) {
        return packet.size() >= packet_size && (packet[0] & 0x07) == 4 && timestamp(packet, 24) == cookie;
    });
    co_return read_answer(answer, sent, clock_time(), to_string(socket.remote_endpoint()));
}

task<> print_time(address server, duration patience)
{
    datagram_socket socket = co_await connect_datagram(server);
    const sample found = co_await try_twice(patience, [&] { return ask_time(socket); });
    std::printf("stratum %d offset %+.6f delay %.6f\n", found.stratum, found.offset, found.delay);
}

} // namespace

int main(int count, char** arguments)
{
    return run_program(count, arguments, "ntp_query [-t SECONDS] HOST:PORT", 1, [](auto& words, duration limit) {
        return print_time(address::parse(words[0], address::protocol::udp), limit / 2);
    });
}
