// streams: connected pairs of every transport, so that one set of cases holds for all of them.
#pragma once

#include "catch.hpp"
#include "support/certificate.hpp"

#include <memory>
#include <optional>
#include <portico/core/when.hpp>
#include <portico/memory/memory_backend.hpp>
#include <portico/net/acceptor.hpp>
#include <portico/net/connector.hpp>
#include <portico/net/writer.hpp>
#include <portico/tls/tls.hpp>
#include <string>
#include <unistd.h>
#include <vector>

namespace test {

using namespace std::chrono_literals;

/// Long enough for whatever ends, so that a test that hangs fails instead.
inline constexpr auto patience = 20s;

struct stream_kind {
    const char* name;
    portico::address where;
    std::optional<portico::memory_link> link; ///< none: the operating system's
    std::size_t much;                         ///< bytes that are a lot for it: more than it holds
    bool secured = false;                     ///< by TLS

    bool is_unix() const noexcept { return where.kind() == portico::address::protocol::local; }
};

inline stream_kind memory_stream(const char* name, std::size_t capacity, std::size_t most_a_read, std::size_t much)
{
    portico::memory_link link;
    link.capacity = capacity;
    link.most_a_read = most_a_read;
    return {name, portico::tcp("127.0.0.1", 0), link, much};
}

inline stream_kind secured(stream_kind kind)
{
    kind.secured = true;
    return kind;
}

/// A server that a client trusts, for the whole of the tests: `localhost`.
struct trusted_server {
    trusted_server()
    {
        const certificate shown("localhost");
        portico::tls::server_options server_options;
        server_options.certificates = {folder.write("server", shown)};
        server.emplace(server_options);
        portico::tls::client_options client_options;
        client_options.ca_file = folder.path("server.pem");
        client.emplace(client_options);
    }
    static const trusted_server& instance()
    {
        static const trusted_server only;
        return only;
    }

    certificate_folder folder;
    std::optional<portico::tls::client_context> client;
    std::optional<portico::tls::server_context> server;
};

/// Does the handshake on both ends.
inline portico::task<> secure(portico::connection& near, portico::connection& far)
{
    const trusted_server& both = trusted_server::instance();
    co_await portico::when_all(portico::tls::handshake(near, *both.client, "localhost"),
                               portico::tls::handshake(far, *both.server));
}

/// A name in the abstract namespace that no other process uses.
inline std::string own_name()
{
    return "@portico-test-" + std::to_string(::getpid());
}

inline std::vector<stream_kind> stream_kinds()
{
    return {{"TCP over IPv4", portico::tcp("127.0.0.1", 0), {}, 4 << 20},
            {"TCP over IPv6", portico::tcp("::1", 0), {}, 4 << 20},
            memory_stream("memory", 64 * 1024, SIZE_MAX, 4 << 20),
            memory_stream("memory, one byte a read", 512, 1, 32 << 10),
            memory_stream("memory, seven bytes at a time", 7, SIZE_MAX, 256 << 10),
            {"Unix", portico::local(own_name()), {}, 4 << 20},
            secured({"TLS over TCP", portico::tcp("127.0.0.1", 0), {}, 4 << 20}),
            secured({"TLS over Unix", portico::local(own_name() + "-tls"), {}, 4 << 20}),
            secured(memory_stream("TLS over memory", 64 * 1024, SIZE_MAX, 4 << 20)),
            secured(memory_stream("TLS over memory, one byte a read", 4096, 1, 128 << 10)),
            secured(memory_stream("TLS over memory, 1,000 bytes at a time", 1000, SIZE_MAX, 256 << 10))};
}

inline std::unique_ptr<portico::backend> open_backend(const stream_kind& kind)
{
    if (!kind.link)
        return portico::make_os_backend();
    auto made = std::make_unique<portico::memory_backend>();
    made->link(*kind.link);
    made->advance_when_idle();
    return made;
}

/// So that `much` bytes fill a TCP connection: left alone, the system takes tens of MiB.
inline void limit_buffers(const portico::connection& which)
{
    if (which.native_handle() < 0)
        return;
    which.options().set(portico::option::send_buffer, 64 * 1024);
    which.options().set(portico::option::receive_buffer, 64 * 1024);
}

template <class Body>
portico::task<> with_connections(const stream_kind& kind, const Body& body)
{
    portico::acceptor source = co_await portico::listen(kind.where);
    portico::connection near = co_await portico::connect(source.local_endpoints().front());
    portico::connection far = co_await source.accept();
    limit_buffers(near);
    limit_buffers(far);
    if (kind.secured)
        co_await secure(near, far);
    co_await body(near, far);
}

/// Runs `body(near, far)`, a task, with both ends of a connection: `near` has connected, `far` was accepted.
template <class Body>
void run_with_connections(const stream_kind& kind, const Body& body)
{
    INFO(kind.name);
    portico::context own(open_backend(kind));
    own.run(portico::with_deadline(patience, with_connections(kind, body)));
}

/// The same for every kind.
template <class Body>
void on_every_stream(const Body& body)
{
    for (const stream_kind& kind : stream_kinds())
        run_with_connections(kind, body);
}

/// The same for every kind without TLS, where a close tells the peer nothing.
template <class Body>
void on_every_plain_stream(const Body& body)
{
    for (const stream_kind& kind : stream_kinds())
        if (!kind.secured)
            run_with_connections(kind, body);
}

/// The same for every kind but Unix sockets, which know no reset.
template <class Body>
void on_every_stream_that_resets(const Body& body)
{
    for (const stream_kind& kind : stream_kinds())
        if (!kind.is_unix())
            run_with_connections(kind, body);
}

/// Bytes of which no part looks like another.
inline std::string pattern(std::size_t size, std::uint32_t seed = 1)
{
    std::string made(size, '\0');
    for (char& each : made) {
        seed = seed * 1664525 + 1013904223;
        each = static_cast<char>(seed >> 24);
    }
    return made;
}

/// Writes all of it, then the end of the stream.
inline portico::task<> send_and_end(portico::connection& to, std::string_view data)
{
    co_await to.write(portico::bytes(data));
    to.shutdown_write().value();
}

/// Writes byte by byte, each when the reader has taken the one before; a reader that stops ends it with `done`.
inline portico::task<> send_slowly(portico::connection& to, const portico::connection& reader, std::string_view data,
                                   const bool& done)
{
    for (const char& each : data) {
        co_await to.write(portico::bytes(&each, 1));
        while (!done && reader.bytes_read() < to.bytes_written())
            co_await portico::yield();
    }
    to.shutdown_write().value();
}

/// Awaits what must fail, and tells with which code.
inline portico::task<> expect_failure(portico::task<> work, std::error_code& code)
{
    auto outcome = co_await portico::as_result(std::move(work));
    REQUIRE_FALSE(outcome);
    code = outcome.error().code();
}

/// Adds what comes until the end of the stream.
inline portico::task<> read_everything(portico::connection& from, std::string& into)
{
    for (;;) {
        const portico::bytes part = co_await from.read_some();
        if (part.empty())
            co_return;
        into += part.text();
    }
}

inline portico::task<> read_line_from(portico::connection& from)
{
    co_await from.read_line();
}

inline portico::task<> write_to(portico::connection& to, std::string_view data)
{
    co_await to.write(portico::bytes(data));
}

} // namespace test
