// program: what the programs of this folder share: arguments, a deadline for all, the exit status; asking over UDP.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <portico/portico.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

/// Runs a program to its end, within `limit`; what it has printed must have been written.
inline portico::task<int> run_within(portico::duration limit, std::string server, portico::task<> work)
{
    const auto outcome = co_await as_result(with_deadline(limit, std::move(work)));
    if (!outcome && outcome.error().phase() == portico::phase::total)
        throw portico::error(portico::errc::timed_out, "ask", server, portico::phase::total);
    outcome.value();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        throw portico::error(std::make_error_code(std::errc::io_error), "write to", "standard output");
    co_return 0;
}

/// The `main` of a program that is called with `[-t SECONDS] SERVER WORD...`, at least `least` of them in all:
/// `start(words, limit)` is what it does within the seconds. The exit status is 0, or 1 where it failed, or 2 where the
/// arguments are wrong, which `start` and not its task finds out; a line on standard error says why.
template <class Start>
int run_program(int count, char** arguments, const std::string& usage, std::size_t least, Start start)
{
    try {
        std::vector<std::string> words(arguments + 1, arguments + count);
        double seconds = 10;
        if (words.size() >= 2 && words.front() == "-t") {
            char* rest = nullptr;
            seconds = std::strtod(words[1].c_str(), &rest);
            if (*rest != '\0')
                throw std::invalid_argument("no number of seconds: " + words[1]);
            words.erase(words.begin(), words.begin() + 2);
        }
        if (words.size() < least || !(seconds > 0 && seconds < 1e6))
            throw std::invalid_argument("usage: " + usage);
        const auto limit = std::chrono::duration_cast<portico::duration>(std::chrono::duration<double>(seconds));
        return portico::run(run_within(limit, words.front(), start(words, limit)));
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, wrong.what());
        return 2;
    }
}

/// An argument, or what comes from standard input where it is `-`.
inline std::string text_of(const std::string& argument)
{
    if (argument != "-")
        return argument;
    std::string text;
    std::string block(64 * 1024, '\0');
    while (const std::size_t count = std::fread(block.data(), 1, block.size(), stdin))
        text.append(block, 0, count);
    return text;
}

/// Writes a number in network byte order, in so many bytes.
inline std::string big_endian(std::uint64_t value, std::size_t size)
{
    std::string text(size, '\0');
    for (std::size_t index = size; index-- > 0; value >>= 8)
        text[index] = static_cast<char>(value & 0xff);
    return text;
}

inline std::uint64_t big_endian(portico::bytes text)
{
    std::uint64_t value = 0;
    for (const char each : text)
        value = value << 8 | static_cast<unsigned char>(each);
    return value;
}

/// A number that nobody else can guess, of so many bytes.
inline std::uint64_t random_number(portico::context& own, std::size_t size)
{
    std::array<std::byte, 8> unknown{};
    own.backend().random(std::span(unknown).first(size));
    return big_endian(portico::bytes(unknown.data(), size));
}

/// Sends a question over a connected socket and completes with the packet that answers it. Others are passed over:
/// whoever knows the address of a server can send packets in its name.
template <class IsAnswer>
portico::task<std::string> ask_once(portico::datagram_socket& server, portico::bytes question, IsAnswer is_answer)
{
    co_await server.send(question);
    for (;;) {
        const portico::datagram received = co_await server.receive_from();
        if (is_answer(received.data))
            co_return std::string(received.data);
    }
}

/// Completes with what `attempt()` does, which is tried once more where nothing has come of it within `patience`. That
/// nobody is at the port is said at once.
template <class Attempt>
std::invoke_result_t<Attempt&> try_twice(portico::duration patience, Attempt attempt)
{
    auto outcome = co_await as_result(with_deadline(patience, attempt()));
    if (outcome || outcome.error().code() != portico::errc::timed_out)
        co_return std::move(outcome).value();
    co_return co_await attempt();
}

/// Prints the next `count` bytes of a connection as they come.
inline portico::task<> print_bytes(portico::connection& from, std::uint64_t count)
{
    while (count > 0) {
        const portico::bytes data =
            co_await from.read_some(static_cast<std::size_t>(std::min<std::uint64_t>(count, SIZE_MAX)));
        if (data.empty())
            throw portico::protocol_error(portico::errc::truncated, "read from", "the stream ended inside a value",
                                          to_string(from.remote_endpoint()));
        std::fwrite(data.data(), 1, data.size(), stdout);
        count -= data.size();
    }
}
