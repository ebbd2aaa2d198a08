// proxied_request: asks a web server on behalf of somebody else, by the PROXY protocol, and prints the answer.
#include "program.hpp"

#include <portico/net/proxy_protocol.hpp>
#include <portico/net/resolver.hpp>

using namespace portico;

namespace {

/// An IP address and a port as a header has them.
endpoint parse_endpoint(const std::string& text)
{
    const address parsed = address::parse(text);
    return parse_ip(parsed.host(), parsed.port()).value();
}

proxy_header header_of(const std::vector<std::string>& words)
{
    const auto format = words[1] == "1" ? proxy_header::version::v1 : proxy_header::version::v2;
    if (words.size() < 4)
        return proxy_header(format);
    return proxy_header(parse_endpoint(words[2]), parse_endpoint(words[3]), format);
}

task<> ask(address where, proxy_header header)
{
    connection server = co_await connect(where);
    co_await write_proxy_header(server, header);
    co_await server.write("GET / HTTP/1.0\r\n\r\n");
    const bytes answer = co_await server.read_all(64 * 1024);
    std::fwrite(answer.data(), 1, answer.size(), stdout);
}

} // namespace

int main(int count, char** arguments)
{
    const char* const usage = "proxied_request [-t SECONDS] HOST:PORT 1|2 [SOURCE DESTINATION]";
    return run_program(count, arguments, usage, 2, [](auto& words, duration) {
        return ask(address::parse(words[0]), header_of(words));
    });
}
