// The handshake: what both sides agree on, and STARTTLS.
#include "support/servers.hpp"
#include "support/tls.hpp"

using namespace portico;
using namespace test;

namespace {

tls::server_options server_with(const certificate_folder& folder, std::initializer_list<const char*> hosts)
{
    tls::server_options options;
    for (const char* const each : hosts)
        options.certificates.push_back(folder.write(each, certificate(std::string(each))));
    return options;
}

/// A client that trusts a certificate that a folder holds.
tls::client_options client_for(const certificate_folder& folder, const std::string& host)
{
    tls::client_options options;
    options.ca_file = folder.path(host + ".pem");
    return options;
}

bool says(const error& failure, const std::string& words)
{
    return std::string(failure.what()).find(words) != std::string::npos;
}

task<> say_line(connection& to, std::string line)
{
    line += '\n';
    co_await to.write(bytes(line));
}

task<> expect_line(connection& from, std::string_view expected)
{
    const auto line = co_await from.read_line();
    REQUIRE(line);
    CHECK(line->text() == expected);
}

} // namespace

TEST_CASE("TLS: the server shows the certificate for the name that the client asks for, else its first")
{
    const certificate_folder folder;
    const tls::server_context server(server_with(folder, {"one.example", "two.example", "*.three.example"}));
    for (const auto& [asked, shown] : std::initializer_list<std::pair<const char*, const char*>>{
             {"one.example", "one.example"}, {"two.example", "two.example"}, {"TWO.EXAMPLE.", "two.example"},
             {"any.three.example", "*.three.example"}, {"four.example", "one.example"}}) {
        CAPTURE(asked);
        tls::client_options options;
        options.insecure_skip_verify = true;
        const tls_outcome both = converse(tls::client_context(options), server, asked);
        REQUIRE(both.client);
        REQUIRE(both.client->peer);
        CHECK(both.client->peer->subject == std::string("CN=") + shown);
        CHECK(both.client->peer->names == std::vector<std::string>{std::string("DNS:") + shown});
    }
    for (const char* const host : {"one.example", "two.example"})
        CHECK(converse(tls::client_context(client_for(folder, host)), server, host).client);
}

TEST_CASE("TLS: both sides say what they have agreed on")
{
    const certificate_folder folder;
    for (const auto newest : {tls::protocol_version::tls1_2, tls::protocol_version::tls1_3}) {
        tls::server_options server = server_with(folder, {"localhost"});
        server.application_protocols = {"two", "one"};
        tls::client_options client = client_for(folder, "localhost");
        client.application_protocols = {"zero", "one", "two"};
        client.most = newest;
        const tls_outcome both = converse(tls::client_context(client), tls::server_context(server), "localhost");
        REQUIRE(both.client);
        REQUIRE(both.server);
        for (const tls::connection_info* each : {&*both.client, &*both.server}) {
            CHECK(each->version == newest);
            CHECK(each->application_protocol == "two"); // as the server prefers
            CHECK(each->server_name == "localhost");
            CHECK_FALSE(each->resumed);
            CHECK(each->cipher.find("GCM") != std::string::npos);
        }
        CHECK_FALSE(both.server->peer);
        REQUIRE(both.client->peer);
        CHECK(both.client->peer->pin.starts_with("sha256//"));
    }
    run_in_memory([](context& own, memory_backend&) -> task<> {
        auto ends = connection_pair(own);
        CHECK_FALSE(tls::info(ends.first));
        co_return;
    });
}

TEST_CASE("TLS: without a common application protocol the handshake is refused, and without any offer it goes on")
{
    const certificate_folder folder;
    tls::server_options server = server_with(folder, {"localhost"});
    server.application_protocols = {"one"};
    tls::client_options client = client_for(folder, "localhost");
    const tls_outcome silent = converse(tls::client_context(client), tls::server_context(server), "localhost");
    REQUIRE(silent.client);
    CHECK(silent.client->application_protocol.empty());
    client.application_protocols = {"other"};
    const tls_outcome both = converse(tls::client_context(client), tls::server_context(server), "localhost");
    REQUIRE_FALSE(both.client);
    CHECK(both.client.error().code() == errc::refused);
    CHECK(says(both.client.error(), "none of the application protocols"));
    REQUIRE_FALSE(both.server);
}

TEST_CASE("TLS: without a common version the handshake is refused, and both sides say so")
{
    const certificate_folder folder;
    tls::server_options server = server_with(folder, {"localhost"});
    tls::client_options client = client_for(folder, "localhost");
    server.most = tls::protocol_version::tls1_2;
    client.least = tls::protocol_version::tls1_3;
    const tls_outcome both = converse(tls::client_context(client), tls::server_context(server), "localhost");
    REQUIRE_FALSE(both.client);
    CHECK(says(both.client.error(), "none of the versions of TLS"));
    REQUIRE_FALSE(both.server);
    CHECK(says(both.server.error(), "none of the versions of TLS"));
}

TEST_CASE("TLS: wrong files and options are errors that name them")
{
    const certificate_folder folder;
    const tls::certificate_files good = folder.write("good", certificate("localhost"));
    const tls::certificate_files other = folder.write("other", certificate("localhost"));
    const std::string empty = folder.write("empty.pem", "");
    const auto complaint = [](const auto& make) -> std::string {
        try {
            make();
        } catch (const error& failure) {
            return failure.what();
        }
        return "nothing";
    };
    const auto server = [&](const std::string& shown, const std::string& key) {
        return complaint([&] {
            tls::server_options options;
            options.certificates = {{shown, key}};
            const tls::server_context made(options);
        });
    };
    CHECK(server(folder.path("none.pem"), good.key)
          == "read certificate " + folder.path("none.pem") + ": No such file or directory");
    CHECK(server(good.certificate, folder.path("none.key"))
          == "read private key " + folder.path("none.key") + ": No such file or directory");
    CHECK(server(good.certificate, other.key) == "read private key " + other.key + ": it is the key of another certificate");
    CHECK(server(empty, good.key) == "read certificate " + empty + ": it holds no certificate in PEM that can be used");
    CHECK(server(good.certificate, "")
          == "read private key " + good.certificate + ": it holds no private key in PEM that can be used");
    CHECK(complaint([] { const tls::server_context made{tls::server_options()}; })
          == "set up TLS: a server needs a certificate");
    const auto client = [&](std::string tls::client_options::*what, const std::string& value) {
        return complaint([&] {
            tls::client_options options;
            options.*what = value;
            const tls::client_context made(options);
        });
    };
    CHECK(client(&tls::client_options::ca_file, empty)
          == "read CA certificates " + empty + ": it holds no certificate in PEM");
    CHECK(client(&tls::client_options::ca_folder, folder.path("none"))
          == "read CA certificates " + folder.path("none") + ": No such file or directory");
    CHECK(client(&tls::client_options::pinned_public_key, "sha256//abc")
          == "read public key sha256//abc: it is not sha256// and 32 bytes in base64");
    CHECK(client(&tls::client_options::pinned_public_key, empty)
          == "read public key " + empty + ": it holds no public key or certificate, in PEM or DER");
}

TEST_CASE("TLS: a key that is pinned must be the server's, also where its certificate is not looked at")
{
    const certificate_folder folder;
    const tls::server_context server(server_with(folder, {"localhost"}));
    (void)folder.write("other", certificate("localhost"));
    tls::client_options client = client_for(folder, "localhost");
    const tls_outcome plain = converse(tls::client_context(client), server, "localhost");
    REQUIRE(plain.client);
    for (const bool skip : {false, true}) {
        client.insecure_skip_verify = skip;
        const std::string nobodys = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for (const std::string& good :
             {plain.client->peer->pin, nobodys + ";" + plain.client->peer->pin, folder.path("localhost.pem")}) {
            client.pinned_public_key = good;
            CHECK(converse(tls::client_context(client), server, "localhost").client);
        }
        for (const std::string& bad : {nobodys, folder.path("other.pem")}) {
            client.pinned_public_key = bad;
            const tls_outcome both = converse(tls::client_context(client), server, "localhost");
            require_untrusted(both.client, 0, "is none of those that are pinned");
            CHECK_FALSE(both.server);
        }
    }
}

TEST_CASE("STARTTLS: the transport is replaced inside of the connection, on both sides, in the middle of a conversation")
{
    for (const stream_kind& kind : stream_kinds()) {
        if (kind.secured)
            continue;
        run_with_connections(kind, [](connection& near, connection& far) -> task<> {
            const trusted_server& both = trusted_server::instance();
            const auto client = [&](connection& peer) -> task<> {
                co_await say_line(peer, "STARTTLS");
                co_await expect_line(peer, "go on");
                co_await tls::handshake(peer, *both.client, "localhost");
                co_await say_line(peer, "a secret");
                co_await expect_line(peer, "heard");
                co_await peer.finish();
            };
            const auto server = [&](connection& peer) -> task<> {
                co_await expect_line(peer, "STARTTLS");
                co_await say_line(peer, "go on");
                co_await tls::handshake(peer, *both.server);
                CHECK(tls::info(peer));
                co_await expect_line(peer, "a secret");
                co_await say_line(peer, "heard");
                co_await peer.finish();
            };
            co_await when_all(client(near), server(far));
        });
    }
}

TEST_CASE("STARTTLS: what came in the clear ahead of the handshake is an error, and the connection is closed")
{
    const trusted_server& both = trusted_server::instance();
    for (const bool is_server : {false, true})
        run_in_memory([&](context& own, memory_backend&) -> task<> {
            auto ends = connection_pair(own);
            connection& near = ends.first;
            connection& far = ends.second;
            co_await near.write("STARTTLS\r\nRCPT TO:<somebody else>\r\n");
            (void)co_await far.read_line();
            REQUIRE(far.buffered() != 0);
            task<> work = is_server ? tls::handshake(far, *both.server) : tls::handshake(far, *both.client, "localhost");
            const auto outcome = co_await as_result(std::move(work));
            REQUIRE_FALSE(outcome);
            CHECK(outcome.error().code() == errc::malformed);
            CHECK(says(outcome.error(), "25 bytes came in the clear ahead of it"));
            CHECK_FALSE(far.is_open());
        });
}

TEST_CASE("STARTTLS: plain commands that are still on the way are no part of the encrypted conversation")
{
    const trusted_server& both = trusted_server::instance();
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        auto ends = connection_pair(own);
        co_await ends.first.write("RCPT TO:<somebody else>\r\n");
        const auto outcome = co_await as_result(tls::handshake(ends.second, *both.server));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code() == errc::malformed);
        CHECK_FALSE(ends.second.is_open());
    });
}

TEST_CASE("TLS: bytes that were looked at begin the handshake where that is asked for")
{
    const trusted_server& both = trusted_server::instance();
    run_in_memory([&](context& own, memory_backend&) -> task<> {
        auto ends = connection_pair(own);
        const auto server = [&](connection& peer) -> task<> {
            const bytes first = co_await peer.peek(1);
            REQUIRE(first.size() == 1);
            CHECK(first[0] == 22); // a record of a handshake
            tls::handshake_options options;
            options.take_received_bytes = true;
            co_await tls::handshake(peer, *both.server, options);
            co_await expect_line(peer, "hello");
        };
        const auto client = [&](connection& peer) -> task<> {
            co_await tls::handshake(peer, *both.client, "localhost");
            co_await say_line(peer, "hello");
        };
        co_await when_all(client(ends.first), server(ends.second));
    });
}

TEST_CASE("TLS: a handshake ends at its deadline to the tick, and the connection is closed")
{
    const trusted_server& both = trusted_server::instance();
    for (const bool is_server : {false, true}) {
        memory_world world;
        world.own.run([](memory_world& in, const trusted_server& known, bool as_server) -> task<> {
            auto ends = connection_pair(in.own);
            tls::handshake_options options;
            options.timeout = 5s;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn([&]() -> task<> {
                    task<> work = as_server ? tls::handshake(ends.first, *known.server, options)
                                            : tls::handshake(ends.first, *known.client, "localhost", options);
                    const auto outcome = co_await as_result(std::move(work));
                    REQUIRE_FALSE(outcome);
                    CHECK(outcome.error().code() == errc::timed_out);
                    CHECK(outcome.error().phase() == phase::handshake);
                });
                co_await in.memory.settle();
                in.memory.advance(5s - 1ns);
                co_await in.memory.settle();
                CHECK(ends.first.is_open());
                in.memory.advance(1ns);
                co_await in.memory.settle();
                CHECK_FALSE(ends.first.is_open());
            });
        }(world, both, is_server));
    }
}

TEST_CASE("TLS: another task may close a connection in the middle of its handshake")
{
    const trusted_server& both = trusted_server::instance();
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        auto ends = connection_pair(own);
        std::error_code code;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(expect_failure(tls::handshake(ends.first, *both.client, "localhost"), code));
            co_await outside.settle();
            ends.first.close();
        });
        CHECK(code == errc::closed);
    });
}

TEST_CASE("TLS: what another task does with a connection in the middle of its handshake is misuse and harms nothing")
{
    using act = task<> (*)(connection&);
    const std::vector<std::pair<const char*, act>> acts{
        {"move", [](connection& which) -> task<> {
             const connection other(std::move(which));
             co_return;
         }},
        {"exchange_transport", [](connection& which) -> task<> {
             which.exchange_transport({});
             co_return;
         }},
        {"read_some", [](connection& which) -> task<> { (void)co_await which.read_some(); }},
        {"try_read_some", [](connection& which) -> task<> {
             (void)which.try_read_some();
             co_return;
         }},
        {"wait_readable", [](connection& which) -> task<> { co_await which.wait_readable(); }},
        {"write", [](connection& which) -> task<> { co_await which.write("in the clear"); }},
        {"try_write", [](connection& which) -> task<> {
             (void)which.try_write("in the clear");
             co_return;
         }},
        {"wait_writable", [](connection& which) -> task<> { co_await which.wait_writable(); }},
        {"finish", [](connection& which) -> task<> { co_await which.finish(); }},
        {"handshake as a client", [](connection& which) -> task<> {
             co_await tls::handshake(which, *trusted_server::instance().client, "localhost");
         }},
        {"handshake as a server",
         [](connection& which) -> task<> { co_await tls::handshake(which, *trusted_server::instance().server); }}};
    for (const auto& [name, disturb] : acts)
        for (const bool is_server : {false, true}) {
            INFO(name << (is_server ? ", server" : ", client"));
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                outside.advance_when_idle();
                auto ends = connection_pair(own);
                connection& ours = is_server ? ends.second : ends.first;
                const trusted_server& both = trusted_server::instance();
                co_await scope([&](task_group& group) -> task<> {
                    const auto begin = [&](bool as_server) {
                        group.spawn(as_server ? tls::handshake(ends.second, *both.server)
                                              : tls::handshake(ends.first, *both.client, "localhost"));
                    };
                    begin(is_server);
                    co_await yield();
                    bool is_misuse = false;
                    try {
                        co_await disturb(ours);
                    } catch (const misuse&) {
                        is_misuse = true;
                    } catch (const error&) {
                    }
                    CHECK(is_misuse);
                    begin(!is_server);
                });
                CHECK(tls::info(ends.first));
                CHECK(tls::info(ends.second));
                co_await ends.first.write("unharmed\n");
                co_await expect_line(ends.second, "unharmed");
            });
        }
}

TEST_CASE("TLS: a handler runs over it unchanged, in a server and in a client")
{
    const trusted_server& both = trusted_server::instance();
    run_in_memory([&](context&, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        server which(anywhere, hold);
        which.handshake(tls::handshaker(*both.server));
        co_await while_serving(which, [&](endpoints where) -> task<> {
            client asking(tcp("127.0.0.1", where[0].port()), tls::secured(*both.client, "localhost", expect_service));
            co_await asking.run();
            connection direct = co_await tls::connect(tcp("localhost", where[0].port()), *both.client);
            co_await expect_service(direct);
        });
        CHECK(which.statistics().refused.by_handshake == 0);
    });
}
