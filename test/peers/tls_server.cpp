// tls_server: sends and receives bytes that can be checked, over TLS, in as much of HTTP/1.1 as curl and proxies need.
//
//     tls_server [NAME=VALUE...] ADDRESS        certificate, key, client-ca, clients, alpn, least, most
//
// `GET /N` is answered with N bytes of the pattern, a request with a body of a known length (`Content-Length`) with its
// number of bytes and their SHA-256; after a line `echo`, everything comes back. One request a connection. Prints where
// it listens, then a line for each handshake, and one for each that fails, or whatever comes behind it.
#include "tls_program.hpp"

#include <charconv>
#include <portico/server/session_info.hpp>
#include <portico/wire/text.hpp>

using namespace portico;

namespace {

std::uint64_t number(std::string_view digits)
{
    std::uint64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
        throw protocol_error(errc::malformed, "read a request", "no number: " + text::escape(digits, 100));
    return value;
}

struct request {
    std::string line;
    std::uint64_t length = 0; ///< of the body
    bool expects = false;     ///< waits for 100 before it sends that
};

void take_field(request& of, std::string_view line)
{
    const std::size_t colon = std::min(line.find(':'), line.size() - 1);
    const std::string_view name = line.substr(0, colon), value = text::trim(line.substr(colon + 1));
    if (text::equals_ignoring_case(name, "content-length"))
        of.length = number(value);
    else if (text::equals_ignoring_case(name, "expect"))
        of.expects = true;
}

task<request> read_request(connection& peer)
{
    request made;
    for (;;) {
        const auto line = co_await peer.read_line();
        if (!line || line->empty())
            break;
        if (made.line.empty()) {
            made.line = *line;
            if (made.line == "echo")
                break;
        } else {
            take_field(made, *line);
        }
    }
    co_return made;
}

task<> write_header(connection& to, std::uint64_t length)
{
    const std::string header =
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
    co_await to.write(header);
}

task<> take_body(connection& peer, const request& asked)
{
    if (asked.expects)
        co_await peer.write("HTTP/1.1 100 Continue\r\n\r\n");
    digest received;
    co_await receive(peer, asked.length, received);
    const std::string answer = '{' + received.json() + "}\n";
    co_await write_header(peer, answer.size());
    co_await peer.write(answer);
}

task<> echo(connection& peer)
{
    for (;;) {
        const bytes data = co_await peer.read_some();
        if (data.empty())
            break;
        co_await peer.write(data);
    }
}

task<> serve_request(connection& peer)
{
    const auto agreed = tls::info(peer);
    print_json(json_of(agreed.value()));
    const request asked = co_await read_request(peer);
    if (asked.line == "echo") {
        co_await echo(peer);
    } else if (asked.line.starts_with("GET /")) {
        const std::uint64_t count = number(std::string_view(asked.line).substr(5));
        co_await write_header(peer, count);
        co_await send_pattern(peer, count);
    } else {
        co_await take_body(peer, asked);
    }
}

void print_failure(const closed_session& of)
{
    if (of.failure)
        print_json("\"failure\": " + text::json_string(what_of(of.failure)));
}

} // namespace

int main(int count, char** arguments)
{
    try {
        std::vector<std::string> words(arguments + 1, arguments + count);
        named_options given(words);
        tls::server_options options;
        given.set(options);
        options.certificates = {given.certificate()};
        options.client_ca_file = given.text("client-ca");
        options.clients =
            given.one_of<tls::client_certificates>("clients", {{"none", tls::client_certificates::none},
                                                               {"optional", tls::client_certificates::optional},
                                                               {"required", tls::client_certificates::required}});
        given.end();
        server secure(address::parse(words.at(0)), serve_request);
        secure.handshake(tls::handshaker(tls::server_context(options)));
        secure.on_handshake_failed(print_failure);
        secure.on_close(print_failure);
        secure.on_listening([](const std::vector<endpoint>& where) {
            std::puts(to_string(where.front()).c_str());
            std::fflush(stdout);
        });
        context().run(secure.run());
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "tls_server: %s\n", failure.what());
        return 1;
    }
}
