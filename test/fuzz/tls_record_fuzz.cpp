// Fuzzes the records of TLS: a conversation into which somebody puts bytes, in place of what a real peer sends or
// beside it, at any point. Nobody ever gets a byte that was not sent, nor is told of an end where it was not.
#include "support/certificate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <portico/core/when.hpp>
#include <portico/memory/memory_backend.hpp>
#include <portico/tls/tls.hpp>
#include <string>
#include <string_view>

namespace tls_record_fuzz {

using namespace portico;

/// What the first four bytes of an input mean; the others are put in.
struct plan {
    bool is_to_server, is_tls1_2, replaces, ends;
    std::size_t at;
};

struct parties {
    explicit parties(tls::protocol_version version)
    {
        tls::server_options server_options;
        server_options.certificates = {folder.write("server", test::certificate("localhost"))};
        server_options.least = server_options.most = version;
        server.emplace(server_options);
        client_options.ca_file = folder.path("server.pem");
    }

    test::certificate_folder folder;
    tls::client_options client_options;
    std::optional<tls::server_context> server;
};

inline const parties& parties_of(bool is_tls1_2)
{
    static const parties older(tls::protocol_version::tls1_2), newer(tls::protocol_version::tls1_3);
    return is_tls1_2 ? older : newer;
}

inline constexpr std::string_view question = "what is it?\n", answer = "it is an answer\n";

/// Reads to the end, which has to be where the other side has put it.
inline task<> expect(connection& from, std::string_view whole)
{
    std::string received;
    for (;;) {
        const bytes part = co_await from.read_some();
        if (part.empty())
            break;
        received += part.text();
        if (!whole.starts_with(received))
            std::abort();
    }
    if (received != whole)
        std::abort();
}

inline task<> ask(connection& peer, const parties& known)
{
    peer.timeout(std::chrono::seconds(5));
    co_await tls::handshake(peer, tls::client_context(known.client_options), "localhost");
    co_await peer.write(bytes(question));
    peer.shutdown_write().value();
    co_await expect(peer, answer);
    co_await peer.finish();
}

inline task<> reply(connection& peer, const parties& known)
{
    peer.timeout(std::chrono::seconds(5));
    co_await tls::handshake(peer, *known.server);
    co_await expect(peer, question);
    co_await peer.write(bytes(answer));
    co_await peer.finish();
}

inline task<> close_after(connection& peer, task<> work)
{
    const auto done = co_await as_result(std::move(work)); // anything else than an error ends the fuzzer
    peer.close();
}

/// Passes on what is sent, up to where something else is put in, and what comes then.
inline task<> pass(connection& from, connection& to, plan how, std::string_view put_in)
{
    std::size_t passed = 0, left_out = 0;
    bool is_done = put_in.empty();
    for (;;) {
        const auto part = co_await as_result(from.read_some());
        if (!part)
            break;
        std::string out(part->text());
        const bool is_end = out.empty();
        const std::size_t size = out.size();
        if (!is_done && (is_end || passed + size > how.at)) {
            const std::size_t within = is_end ? 0 : how.at - passed;
            out.insert(within, put_in);
            left_out = how.ends ? SIZE_MAX : how.replaces ? put_in.size() : 0;
            const std::size_t now = std::min(left_out, out.size() - within - put_in.size());
            out.erase(within + put_in.size(), now);
            left_out -= left_out == SIZE_MAX ? 0 : now;
            is_done = true;
        } else if (left_out != 0) {
            const std::size_t now = std::min(left_out, out.size());
            out.erase(0, now);
            left_out -= left_out == SIZE_MAX ? 0 : now;
        }
        passed += size;
        const auto sent = co_await as_result(to.write(bytes(out)));
        if (!sent)
            break;
        if (is_end) {
            (void)to.shutdown_write();
            co_return;
        }
    }
    to.abort();
}

inline task<> converse(plan how, std::string_view put_in)
{
    context& own = co_await this_context();
    auto left = connection_pair(own), right = connection_pair(own);
    const parties& known = parties_of(how.is_tls1_2);
    const std::string_view to_server = how.is_to_server ? put_in : std::string_view();
    const std::string_view to_client = how.is_to_server ? std::string_view() : put_in;
    co_await when_all(close_after(left.first, ask(left.first, known)),
                      close_after(right.second, reply(right.second, known)),
                      pass(left.second, right.first, how, to_server), pass(right.first, left.second, how, to_client));
}

} // namespace tls_record_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace tls_record_fuzz;
    if (size < 4)
        return 0;
    const plan how{(data[0] & 1) != 0, (data[0] & 2) != 0, (data[0] & 4) != 0, (data[0] & 8) != 0,
                   static_cast<std::size_t>(data[1]) * 256 % 4096 + data[2]};
    auto outside = std::make_unique<memory_backend>();
    outside->advance_when_idle();
    memory_link link;
    link.most_a_read = data[3] == 0 ? SIZE_MAX : data[3];
    outside->link(link);
    context own(std::move(outside));
    own.run(converse(how, {reinterpret_cast<const char*>(data) + 4, size - 4}));
    return 0;
}
