// memcached_command: set, get and stats of a memcached, in its text protocol.
#include "program.hpp"

#include <charconv>
#include <portico/wire/text.hpp>

using namespace portico;

namespace {

// A line that is no reply to what was asked: ERROR, CLIENT_ERROR and SERVER_ERROR say why.
[[noreturn]] void refuse(const connection& server, bytes line)
{
    const std::string target = to_string(server.remote_endpoint()), text = text::escape(line, 200);
    if (line.text().substr(0, line.text().find(' ')).ends_with("ERROR"))
        throw reply_error(0, "command", text, target);
    throw protocol_error(errc::malformed, "read a reply from", "no reply: " + text, target);
}

task<std::string> read_reply(connection& server)
{
    const auto line = co_await server.read_line();
    if (!line)
        throw protocol_error(errc::truncated, "read a reply from", "the stream ended instead",
                             to_string(server.remote_endpoint()));
    co_return std::string(*line);
}

task<> set(connection& server, const std::string& key, const std::string& value)
{
    const std::string head = "set " + key + " 0 0 " + std::to_string(value.size()) + "\r\n";
    const bytes parts[] = {head, value, "\r\n"};
    co_await server.write(parts);
    const std::string reply = co_await read_reply(server);
    if (reply != "STORED")
        refuse(server, reply);
}

// The reply is `VALUE key flags size`, the value in a block of its own, `END`.
task<> get(connection& server, const std::string& key)
{
    const std::string command = "get " + key + "\r\n", head = "VALUE " + key + ' ';
    co_await server.write(command);
    const std::string reply = co_await read_reply(server);
    if (reply == "END")
        throw reply_error(0, "get", "no such key", key);
    std::uint64_t size = 0;
    const char* const end = reply.data() + reply.size();
    const auto [rest, code] = std::from_chars(reply.data() + reply.rfind(' ') + 1, end, size);
    if (!reply.starts_with(head) || code != std::errc() || rest != end)
        refuse(server, reply);
    co_await print_bytes(server, size);
    const bytes tail = co_await server.read_exactly(7);
    if (tail != "\r\nEND\r\n")
        refuse(server, tail);
}

task<> print_statistics(connection& server)
{
    co_await server.write("stats\r\n");
    for (;;) {
        const std::string reply = co_await read_reply(server);
        if (reply == "END")
            break;
        if (!reply.starts_with("STAT "))
            refuse(server, reply);
        std::puts(text::escape(reply.substr(5), 200).c_str());
    }
}

task<> run_command(address where, std::string command, std::string key, std::string value)
{
    connection server = co_await connect(where);
    if (command == "set")
        co_await set(server, key, value);
    else if (command == "get")
        co_await get(server, key);
    else
        co_await print_statistics(server);
}

// A space or a line end in a key would be a command of its own.
bool is_key(std::string_view text)
{
    return !text.empty() && text.size() <= 250
        && std::ranges::none_of(text, [](char each) { return each == ' ' || text::is_control(each); });
}

} // namespace

int main(int count, char** arguments)
{
    const char* const usage = "memcached_command [-t SECONDS] HOST:PORT|unix:PATH set KEY VALUE|- | get KEY | stats";
    return run_program(count, arguments, usage, 2, [usage](auto& words, duration) {
        words.resize(4);
        const bool stores = words[1] == "set", reads = words[1] == "get";
        if ((stores || reads) ? !is_key(words[2]) : words[1] != "stats")
            throw std::invalid_argument(std::string("usage: ") + usage);
        return run_command(address::parse(words[0]), words[1], words[2], text_of(words[3]));
    });
}
