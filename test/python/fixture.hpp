// What the examples of docs/python-sockets.md stand on: the functions that its beginning names, and the objects that
// each of its sections gives to an example.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <portico/portico.hpp>
#include <source_location>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace python_sockets {

using namespace portico;
using namespace std::chrono_literals;

/// Fails the example where the condition does not hold.
void check(bool condition, std::source_location where = std::source_location::current());

/// What the test compares with what the Python block shows.
void show(std::string_view text);
void show(std::integral auto number)
{
    show(std::to_string(number));
}

/// Has Python connect to an endpoint and echo what it gets. To that of a datagram socket it sends `hello` first.
task<> python_connects(endpoint where);
/// Has Python connect to an endpoint, send a text and the end of the stream (or one packet), and tell what comes back,
/// up to the end of the stream (or one packet).
task<std::string> python_asks(endpoint where, std::string text);
/// The same with a server that runs meanwhile.
task<std::string> python_asks(server& which, std::string text);
task<std::string> python_asks(datagram_server& which, std::string text);

/// Where an example runs.
struct setting {
    setting(context& outside, address at, address at_nobody, bool called)
        : own(outside), where(std::move(at)), nobody(std::move(at_nobody)), python_connects(called) {}
    context& own;
    address where;        ///< where Python listens, or where to listen
    address nobody;       ///< an address at which nobody listens
    bool python_connects; ///< rather than the example to Python
};

/// Run an example with what its section gives it.
task<> run(const setting& at, task<> (*body)(context&, const address&, const address&));
task<> run(const setting& at, task<> (*body)(context&, const address&));
task<> run(const setting& at, task<> (*body)(context&, connection&));
task<> run(const setting& at, task<> (*body)(context&, datagram_socket&, const endpoint&));
task<> run(const setting& at, task<> (*body)(context&));

struct example {
    std::string_view name;
    task<> (*run)(const setting& at);
};
extern const std::vector<example> examples;

} // namespace python_sockets
