// redis_command: sends a command to redis and prints the reply (RESP, version 2).
#include "program.hpp"

#include <charconv>
#include <portico/wire/text.hpp>

using namespace portico;

namespace {

constexpr unsigned most_nested = 8;

protocol_error fault(const connection& server, const std::string& what, errc code = errc::malformed)
{
    return {code, "read a reply from", what, to_string(server.remote_endpoint())};
}

// A size, or -1 where there is nothing.
std::int64_t size_of(const connection& server, std::string_view text)
{
    std::int64_t size = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (code != std::errc() || end != text.data() + text.size() || size < -1)
        throw fault(server, "no size: " + text::escape(text));
    return size;
}

task<> print_string(connection& server, std::uint64_t size)
{
    co_await print_bytes(server, size);
    const bytes end = co_await server.read_exactly(2);
    if (end != "\r\n")
        throw fault(server, "a string is longer than it says");
    std::putchar('\n');
}

task<> print_reply(connection& server, unsigned nested = 0)
{
    const auto line = co_await server.read_line();
    if (!line)
        throw fault(server, "the stream ended instead", errc::truncated);
    const bytes kind = line->subview(0, 1);
    const std::string text(line->subview(1)); // a line is gone with the next read
    if (kind == "+" || kind == ":") {
        std::puts(text::escape(text, text.size()).c_str());
    } else if (kind == "-") {
        throw reply_error(0, "command", text::escape(text, 200), to_string(server.remote_endpoint()));
    } else if (kind == "$" || kind == "*") {
        const std::int64_t size = size_of(server, text);
        if (size == -1)
            std::puts("(nil)");
        else if (kind == "$")
            co_await print_string(server, static_cast<std::uint64_t>(size));
        else if (nested == most_nested)
            throw fault(server, "arrays are nested too deeply", errc::limit_exceeded);
        else
            for (std::int64_t item = 0; item < size; ++item)
                co_await print_reply(server, nested + 1);
    } else {
        throw fault(server, "no reply: " + text::escape(*line));
    }
}

std::string encode(const std::vector<std::string>& words)
{
    std::string command = '*' + std::to_string(words.size()) + "\r\n";
    for (const std::string& each : words)
        command += '$' + std::to_string(each.size()) + "\r\n" + each + "\r\n";
    return command;
}

task<> run_command(address where, std::string command)
{
    connection server = co_await connect(where);
    co_await server.write(command);
    co_await print_reply(server);
}

} // namespace

int main(int count, char** arguments)
{
    const char* const usage = "redis_command [-t SECONDS] HOST:PORT|unix:PATH COMMAND [ARGUMENT|-]...";
    return run_program(count, arguments, usage, 2, [](auto& words, duration) {
        std::vector<std::string> command;
        for (std::size_t index = 1; index < words.size(); ++index)
            command.push_back(text_of(words[index]));
        return run_command(address::parse(words[0]), encode(command));
    });
}
