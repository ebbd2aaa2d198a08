// tls_client: sends and receives bytes that can be checked, over TLS, to any server.
//
//     tls_client [-t SECONDS] ADDRESS [NAME=VALUE...] ACTION...   host, ca, certificate, key, alpn, least, most, times
//
// Actions, of which one connection has one: `get PATH` and `put PATH N` (HTTP/1.1), `receive` (until the end, or N
// bytes), `send N` (and then until the end), `echo N` (both at the same time). Each prints a line: what the handshake
// has agreed on, the number of bytes that came (of HTTP: behind the header), their SHA-256 and the first of them. With
// `times` it all happens so often.
#include "program.hpp"
#include "tls_program.hpp"

using namespace portico;

namespace {

struct plan {
    address where;
    std::string host;
    tls::client_context trust;
    std::size_t times;
    std::vector<std::string> action;
};

task<> send(connection& to, std::uint64_t count)
{
    co_await send_pattern(to, count);
    to.shutdown_write().value();
}

task<> ask(connection& server, std::vector<std::string> action)
{
    std::string request =
        (action[0] == "get" ? "GET " : "PUT ") + action.at(1) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if (action[0] == "put")
        request += "Content-Length: " + action.at(2) + "\r\n";
    request += "\r\n";
    co_await server.write(request);
    if (action[0] == "put")
        co_await send_pattern(server, std::stoull(action[2]));
    const auto status = co_await server.read_line();
    if (!status || status->text().find(" 200 ") == std::string_view::npos)
        throw reply_error(0, "ask", status ? std::string(*status) : "the stream ended instead");
    for (;;) {
        const auto field = co_await server.read_line();
        if (!field || field->empty())
            break;
    }
}

task<> act(connection& server, const std::vector<std::string>& action, digest& received)
{
    std::uint64_t wanted = UINT64_MAX;
    if (action[0] == "receive" && action.size() > 1)
        wanted = std::stoull(action[1]);
    if (action[0] == "get" || action[0] == "put")
        co_await ask(server, action);
    if (action[0] == "echo")
        co_await server.write("echo\n");
    if (action[0] == "send" || action[0] == "echo")
        co_await when_all(send(server, std::stoull(action.at(1))), receive(server, UINT64_MAX, received));
    else
        co_await receive(server, wanted, received);
}

task<> run_plan(plan what)
{
    for (std::size_t i = 0; i < what.times; ++i) {
        connection server = co_await connect(what.where);
        co_await tls::handshake(server, what.trust, what.host);
        const auto agreed = tls::info(server);
        digest received;
        co_await act(server, what.action, received);
        print_json(json_of(agreed.value()) + ", " + received.json()
                   + ", \"begin\": " + text::json_string(received.begin()));
        co_await server.finish();
    }
}

} // namespace

int main(int count, char** arguments)
{
    const char* const usage =
        "tls_client [-t SECONDS] ADDRESS [NAME=VALUE...] get PATH | put PATH N | receive [N] | send N | echo N";
    return run_program(count, arguments, usage, 2, [](auto& words, duration) {
        const address where = address::parse(words[0]);
        std::vector<std::string> rest(words.begin() + 1, words.end());
        named_options given(rest);
        tls::client_options options;
        given.set(options);
        options.ca_file = given.text("ca");
        options.certificate = given.certificate();
        const std::string host = given.text("host"), times = given.text("times");
        given.end();
        plan made{where, host.empty() ? where.host() : host, tls::client_context(options),
                  times.empty() ? 1 : std::stoull(times), rest};
        return run_plan(std::move(made));
    });
}
