// Sessions that are resumed, the keys of their tickets, and certificates that are read again.
#include "support/servers.hpp"
#include "support/tls.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/chrono.h>
#include <thread>
#include <tls/ticket_keys.hpp>

using namespace portico;
using namespace test;

namespace {

/// A server and a client that trusts it, in memory, where time is moved by the test.
struct pair_of_peers {
    explicit pair_of_peers(tls::protocol_version newest)
    {
        server_options.certificates = {folder.write("server", certificate("localhost"))};
        client_options.ca_file = folder.path("server.pem");
        client_options.most = newest;
        server_options.ticket_key_lifetime = std::chrono::hours(1);
        server.emplace(server_options);
        client.emplace(client_options);
    }

    /// Whether both say that a session was resumed.
    bool is_resumed()
    {
        return world.own.run([](pair_of_peers& of) -> task<bool> {
            acceptor source = co_await listen(tcp("127.0.0.1", 443)); // a session belongs to a host and a port
            connection near = co_await connect(source.local_endpoints().front());
            connection far = co_await source.accept();
            auto [asked, answered] = co_await when_all(ask(near, *of.client, "localhost"), answer(far, *of.server));
            CHECK(asked.resumed == answered.resumed);
            CHECK(asked.peer);
            co_return asked.resumed;
        }(*this));
    }

    certificate_folder folder;
    memory_world world;
    tls::server_options server_options;
    tls::client_options client_options;
    std::optional<tls::server_context> server;
    std::optional<tls::client_context> client;
};

const auto versions = {tls::protocol_version::tls1_2, tls::protocol_version::tls1_3};

using name_of_key = std::array<unsigned char, 16>;

// What a ticket is made with.
name_of_key new_ticket(tls::detail::ticket_keys& keys)
{
    name_of_key name{};
    std::array<unsigned char, EVP_MAX_IV_LENGTH> iv{};
    const std::unique_ptr<EVP_CIPHER_CTX, tls::detail::deleter<EVP_CIPHER_CTX_free>> cipher(EVP_CIPHER_CTX_new());
    const std::unique_ptr<EVP_MAC, tls::detail::deleter<EVP_MAC_free>> kind(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    const std::unique_ptr<EVP_MAC_CTX, tls::detail::deleter<EVP_MAC_CTX_free>> mac(EVP_MAC_CTX_new(kind.get()));
    REQUIRE(keys.on_ticket(name.data(), iv.data(), cipher.get(), mac.get(), true) == 1);
    return name;
}

// As SSL_CTX_set_tlsext_ticket_key_evp_cb(3) has it: 0 no, 1 yes, 2 yes and a new one.
int opens(tls::detail::ticket_keys& keys, name_of_key name)
{
    std::array<unsigned char, EVP_MAX_IV_LENGTH> iv{};
    const std::unique_ptr<EVP_CIPHER_CTX, tls::detail::deleter<EVP_CIPHER_CTX_free>> cipher(EVP_CIPHER_CTX_new());
    const std::unique_ptr<EVP_MAC, tls::detail::deleter<EVP_MAC_free>> kind(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    const std::unique_ptr<EVP_MAC_CTX, tls::detail::deleter<EVP_MAC_CTX_free>> mac(EVP_MAC_CTX_new(kind.get()));
    return keys.on_ticket(name.data(), iv.data(), cipher.get(), mac.get(), false);
}

} // namespace

TEST_CASE("TLS: a second handshake with the same server resumes the session of the first")
{
    for (const auto newest : versions) {
        pair_of_peers peers(newest);
        CHECK_FALSE(peers.is_resumed());
        for (int round = 0; round < 3; ++round)
            CHECK(peers.is_resumed());
        peers.client.emplace(peers.client_options); // another client knows nothing of it
        CHECK_FALSE(peers.is_resumed());
    }
}

TEST_CASE("TLS: a ticket is good as long as its key is the current one or the one before")
{
    for (const auto newest : versions) {
        pair_of_peers peers(newest);
        CHECK_FALSE(peers.is_resumed());
        for (int hour = 0; hour < 3; ++hour) {
            peers.world.memory.advance(std::chrono::hours(1));
            CHECK(peers.is_resumed());
        }
        peers.world.memory.advance(std::chrono::hours(2));
        CHECK_FALSE(peers.is_resumed());
        CHECK(peers.is_resumed());
    }
}

TEST_CASE("TLS: certificates that are read again are shown to new connections, and old ones live")
{
    for (const auto newest : versions) {
        pair_of_peers peers(newest);
        const auto subject = [&]() -> std::string {
            tls::client_options any;
            any.insecure_skip_verify = true;
            return converse(tls::client_context(any), *peers.server, "localhost").client->peer->subject;
        };
        CHECK(subject() == "CN=localhost");
        peers.world.own.run([](pair_of_peers& of) -> task<> {
            auto ends = connection_pair(of.world.own);
            co_await when_all(tls::handshake(ends.first, *of.client, "localhost"),
                              tls::handshake(ends.second, *of.server));
            (void)of.folder.write("server", certificate(certificate_content("another", {"DNS:localhost"})));
            of.server->reload();
            co_await ends.first.write("old ones live\n");
            const auto line = co_await ends.second.read_line();
            CHECK((line && *line == "old ones live"));
        }(peers));
        CHECK(subject() == "CN=another");
        (void)peers.folder.write("server.pem", "broken");
        CHECK_THROWS_AS(peers.server->reload(), error);
        CHECK(subject() == "CN=another");
    }
}

TEST_CASE("TLS: a session that began before other clients were trusted is not resumed")
{
    for (const auto newest : versions) {
        pair_of_peers peers(newest);
        const certificate first = certificate::authority("first"), second = certificate::authority("second");
        certificate_content content("a client", {});
        content.usage = "clientAuth";
        const std::string trusted = peers.folder.write("clients.pem", first.pem());
        peers.server_options.clients = tls::client_certificates::required;
        peers.server_options.client_ca_file = trusted;
        peers.server.emplace(peers.server_options);
        peers.client_options.certificate = peers.folder.write("client", certificate(content, &first));
        peers.client.emplace(peers.client_options);
        CHECK_FALSE(peers.is_resumed());
        CHECK(peers.is_resumed());
        (void)peers.folder.write("clients.pem", second.pem());
        peers.server->reload();
        const tls_outcome both = converse(*peers.client, *peers.server, "localhost");
        CHECK_FALSE(both.server);
    }
}

namespace {

using std::chrono::system_clock;

/// A server and a client of one version, which require certificates of each other: one of them is of short life.
struct short_lived {
    short_lived(tls::protocol_version which, bool server_ends, system_clock::time_point until)
    {
        const certificate authority = certificate::authority("an authority");
        const std::string trusted = folder.write("ca.pem", authority.pem());
        certificate_content server_content, client_content("a client", {});
        client_content.usage = "clientAuth";
        (server_ends ? server_content : client_content).until = fmt::format("{:%Y%m%d%H%M%S}Z", until);
        tls::server_options server_options;
        server_options.certificates = {folder.write("server", certificate(server_content, &authority))};
        server_options.clients = tls::client_certificates::required;
        server_options.client_ca_file = trusted;
        server.emplace(server_options);
        tls::client_options client_options;
        client_options.ca_file = trusted;
        client_options.certificate = folder.write("client", certificate(client_content, &authority));
        client_options.least = client_options.most = which;
        client.emplace(client_options);
    }

    bool is_resumed() const
    {
        const tls_outcome both = converse(*client, *server, "localhost");
        return both.client && both.server && both.client->resumed && both.server->resumed;
    }

    certificate_folder folder;
    std::optional<tls::server_context> server;
    std::optional<tls::client_context> client;
};

/// One of each kind, each with a session that goes on; none where that took longer than the certificates live.
std::vector<std::unique_ptr<short_lived>> resumed_pairs(system_clock::time_point until)
{
    std::vector<std::unique_ptr<short_lived>> made;
    for (const auto version : versions)
        for (const bool server_ends : {false, true}) {
            made.push_back(std::make_unique<short_lived>(version, server_ends, until));
            (void)converse(*made.back()->client, *made.back()->server, "localhost");
        }
    const bool are_resumed = std::ranges::all_of(made, [](const auto& each) { return each->is_resumed(); });
    if (!are_resumed)
        made.clear();
    return made;
}

} // namespace

// On the real clock, for OpenSSL knows no other: as short as a certificate's dates, in whole seconds, allow.
TEST_CASE("TLS: no session goes on when the certificate of its server, or of its client, has expired")
{
    system_clock::time_point until;
    std::vector<std::unique_ptr<short_lived>> pairs;
    for (int life = 2; pairs.empty() && life < 100; life *= 2) { // longer on a slow machine
        until = std::chrono::floor<std::chrono::seconds>(system_clock::now()) + std::chrono::seconds(life);
        pairs = resumed_pairs(until);
    }
    REQUIRE_FALSE(pairs.empty());
    std::this_thread::sleep_until(until);
    while (std::time(nullptr) < system_clock::to_time_t(until)) // it may lag behind
        std::this_thread::sleep_for(1ms);
    for (const auto& each : pairs) {
        const bool server_ends = (&each - pairs.data()) % 2 == 1;
        const tls_outcome both = converse(*each->client, *each->server, "localhost");
        const auto& verifier = server_ends ? both.client : both.server;
        require_untrusted(verifier, X509_V_ERR_CERT_HAS_EXPIRED, "expired on");
        const auto& other = server_ends ? both.server : both.client;
        CHECK_FALSE(other);
    }
}

TEST_CASE("ticket_keys: those that come from one secret have the same keys at the same time, whenever they begin")
{
    using tls::detail::ticket_keys;
    const auto at = [](std::int64_t spans) { return time_point(std::chrono::seconds(10 * spans)); };
    for (const std::int64_t begin : {0, 1, 1022, 1023, 1024, 1025, 5000}) {
        CAPTURE(begin);
        const ticket_keys::secret origin = ticket_keys::make_secret();
        ticket_keys early(10s, origin);
        early.advance(at(0));
        for (std::int64_t now = begin; now < begin + 3; ++now) {
            ticket_keys late(10s, origin);
            late.advance(at(now));
            early.advance(at(now));
            const name_of_key name = new_ticket(early);
            CHECK(name == new_ticket(late));
            CHECK(opens(late, name) == 1);
            late.advance(at(now + 1) - 1ns);
            CHECK(opens(late, name) == 1);
            late.advance(at(now + 1));
            CHECK(opens(late, name) == 2);
            CHECK(name != new_ticket(late));
            late.advance(at(now + 2));
            CHECK(opens(late, name) == 0);
            late.advance(at(now)); // time does not go back
            CHECK(opens(late, name) == 0);
        }
    }
    ticket_keys keys(10s, ticket_keys::make_secret()), others(10s, ticket_keys::make_secret());
    keys.advance(at(1));
    others.advance(at(1));
    CHECK(new_ticket(keys) != new_ticket(others));
}
