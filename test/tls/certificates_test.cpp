// certificates: of servers and of clients, good ones and bad ones, and what is said about them. Each case with TLS 1.2
// and with TLS 1.3. What names they are for is in names_test.cpp.
#include "support/tls.hpp"

#include <initializer_list>

using namespace portico;
using tls::client_certificates;
using tls::protocol_version;

namespace {

/// A server that shows a certificate, and a client that trusts one authority.
struct world {
    test::certificate_folder folder;
    test::certificate root = test::certificate::authority("portico test CA");
    test::certificate unknown = test::certificate::authority("unknown CA");
    tls::client_options client;
    tls::server_options server;

    explicit world(protocol_version version)
    {
        client.ca_file = folder.write("root.pem", root.pem());
        client.least = client.most = version;
    }

    void serve(const test::certificate& shown, std::initializer_list<const test::certificate*> behind = {})
    {
        server.certificates = {folder.write("server", shown, behind)};
    }

    test::tls_outcome converse() const
    {
        return test::converse(tls::client_context(client), tls::server_context(server), "localhost");
    }

    /// The client does not accept it and says why; the server is told, and nothing was said in between.
    void require_untrusted_server(int reason, const std::string& words) const
    {
        const auto outcome = converse();
        test::require_untrusted(outcome.client, reason, words);
        REQUIRE_FALSE(outcome.server);
        CHECK(outcome.server.error().code() == errc::refused);
    }
};

protocol_version any_version()
{
    const auto version = GENERATE(protocol_version::tls1_2, protocol_version::tls1_3);
    CAPTURE(tls::to_string(version));
    return version;
}

test::certificate_content content_with(std::string test::certificate_content::*what, std::string value)
{
    test::certificate_content made;
    made.*what = std::move(value);
    return made;
}

test::certificate client_certificate(const test::certificate& issuer, const std::string& usage = "clientAuth")
{
    test::certificate_content content("a client", {"email:user@portico.test"});
    content.usage = usage;
    return test::certificate(content, &issuer);
}

} // namespace

TEST_CASE("a certificate that a trusted authority has issued for the host is accepted")
{
    world here(any_version());
    here.serve(test::certificate(test::certificate_content("a server", {"DNS:localhost", "IP:127.0.0.1"}), &here.root));
    const auto outcome = here.converse();
    REQUIRE(outcome.client);
    REQUIRE(outcome.client->peer);
    CHECK(outcome.client->peer->subject == "CN=a server");
    REQUIRE(outcome.client->peer->names.size() == 2);
    CHECK(outcome.client->peer->names[0] == "DNS:localhost");
    CHECK(outcome.client->peer->names[1] == "IP:127.0.0.1");
    CHECK(outcome.client->version == here.client.least);
    REQUIRE(outcome.server);
    CHECK_FALSE(outcome.server->peer);
}

TEST_CASE("a certificate for another host is not accepted")
{
    world here(any_version());
    here.serve(test::certificate(test::certificate_content("localhost", {"DNS:other.test"}), &here.root));
    here.require_untrusted_server(X509_V_ERR_HOSTNAME_MISMATCH, "certificate is for other.test, not for localhost");
}

TEST_CASE("a certificate is accepted neither before its time nor after it")
{
    world here(any_version());
    using content = test::certificate_content;
    SECTION("after")
    {
        here.serve(test::certificate(content_with(&content::until, "20250101000000Z"), &here.root));
        here.require_untrusted_server(X509_V_ERR_CERT_HAS_EXPIRED, "certificate of localhost expired on 2025-01-01");
    }
    SECTION("before")
    {
        here.serve(test::certificate(content_with(&content::from, "21000102000000Z"), &here.root));
        here.require_untrusted_server(X509_V_ERR_CERT_NOT_YET_VALID, "2100-01-02");
    }
}

TEST_CASE("a certificate that nobody vouches for who is trusted is not accepted")
{
    world here(any_version());
    SECTION("signed by itself")
    {
        here.serve(test::certificate("localhost"));
        here.require_untrusted_server(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "of localhost is self-signed");
    }
    SECTION("by an unknown authority")
    {
        here.serve(test::certificate(test::certificate_content(), &here.unknown));
        here.require_untrusted_server(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "issued by unknown CA");
    }
    SECTION("by an unknown authority, whose certificate is shown, too")
    {
        here.serve(test::certificate(test::certificate_content(), &here.unknown), {&here.unknown});
        here.require_untrusted_server(X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "unknown CA");
    }
    SECTION("by one with the name of a trusted authority and another key")
    {
        const auto impostor = test::certificate::authority("portico test CA");
        here.serve(test::certificate(test::certificate_content(), &impostor));
        here.require_untrusted_server(X509_V_ERR_CERT_SIGNATURE_FAILURE, "certificate");
    }
    SECTION("by somebody whom a trusted authority has issued a certificate for servers")
    {
        const test::certificate somebody(test::certificate_content("other.test", {"DNS:other.test"}), &here.root);
        here.serve(test::certificate(test::certificate_content(), &somebody), {&somebody});
        here.require_untrusted_server(X509_V_ERR_INVALID_CA, "certificate");
    }
}

TEST_CASE("a certificate for clients is not accepted of a server")
{
    world here(any_version());
    here.serve(test::certificate(content_with(&test::certificate_content::usage, "clientAuth"), &here.root));
    here.require_untrusted_server(X509_V_ERR_INVALID_PURPOSE, "certificate of localhost");
}

TEST_CASE("authorities between a certificate and one that is trusted")
{
    world here(any_version());
    const auto between = test::certificate::authority("an intermediate CA", &here.root);
    SECTION("are shown by the server, nearest first")
    {
        const auto nearest = test::certificate::authority("another intermediate CA", &between);
        here.serve(test::certificate(test::certificate_content(), &nearest), {&nearest, &between});
        const auto outcome = here.converse();
        CHECK(outcome.client);
        CHECK(outcome.server);
    }
    SECTION("are missed where they are not shown")
    {
        here.serve(test::certificate(test::certificate_content(), &between));
        here.require_untrusted_server(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "an intermediate CA");
    }
    SECTION("can have expired")
    {
        test::certificate_content old("an old CA", {});
        old.constraints = "CA:TRUE";
        old.usage.clear();
        old.until = "20250101000000Z";
        const test::certificate expired(old, &here.root);
        here.serve(test::certificate(test::certificate_content(), &expired), {&expired});
        here.require_untrusted_server(X509_V_ERR_CERT_HAS_EXPIRED, "an old CA");
    }
    SECTION("can have no right to issue for others")
    {
        test::certificate_content last("the last CA", {});
        last.constraints = "CA:TRUE,pathlen:0";
        last.usage.clear();
        const test::certificate barred(last, &here.root);
        const auto below = test::certificate::authority("a CA below", &barred);
        here.serve(test::certificate(test::certificate_content(), &below), {&below, &barred});
        here.require_untrusted_server(X509_V_ERR_PATH_LENGTH_EXCEEDED, "certificate");
    }
}

TEST_CASE("a client that is told to takes any certificate")
{
    world here(any_version());
    here.client.insecure_skip_verify = true;
    here.client.ca_file.clear();
    here.serve(test::certificate("other.test"));
    const auto outcome = here.converse();
    REQUIRE(outcome.client);
    CHECK(outcome.client->peer);
    CHECK(outcome.server);
}

TEST_CASE("a client trusts the authorities of a folder")
{
    world here(any_version());
    here.client.ca_folder = here.folder.path("");
    here.client.ca_file.clear();
    here.serve(test::certificate(test::certificate_content(), &here.root));
    here.require_untrusted_server(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "issued by portico test CA");
    here.folder.write(here.root.hash_name(), here.root.pem());
    const auto outcome = here.converse();
    CHECK(outcome.client);
    CHECK(outcome.server);
}

TEST_CASE("a server that does not ask for a client's certificate is not shown it")
{
    world here(any_version());
    here.serve(test::certificate(test::certificate_content(), &here.root));
    here.client.certificate = here.folder.write("client", client_certificate(here.root));
    const auto outcome = here.converse();
    CHECK(outcome.client);
    REQUIRE(outcome.server);
    CHECK_FALSE(outcome.server->peer);
}

TEST_CASE("a server that asks for a client's certificate takes one from a trusted authority")
{
    world here(any_version());
    here.serve(test::certificate(test::certificate_content(), &here.root));
    here.server.client_ca_file = here.client.ca_file;
    here.server.clients = GENERATE(client_certificates::optional, client_certificates::required);
    here.client.certificate = here.folder.write("client", client_certificate(here.root));
    const auto outcome = here.converse();
    CHECK(outcome.client);
    REQUIRE(outcome.server);
    REQUIRE(outcome.server->peer);
    CHECK(outcome.server->peer->subject == "CN=a client");
    REQUIRE(outcome.server->peer->names.size() == 1);
    CHECK(outcome.server->peer->names[0] == "email:user@portico.test");
}

TEST_CASE("a client without a certificate is served where it is optional and refused where it is required")
{
    world here(any_version());
    here.serve(test::certificate(test::certificate_content(), &here.root));
    here.server.client_ca_file = here.client.ca_file;
    here.server.clients = client_certificates::optional;
    const auto served = here.converse();
    CHECK(served.client);
    REQUIRE(served.server);
    CHECK_FALSE(served.server->peer);

    here.server.clients = client_certificates::required;
    const auto refused = here.converse();
    test::require_untrusted(refused.server, 0, "certificate");
    REQUIRE_FALSE(refused.client);
    CHECK(refused.client.error().code() == errc::refused);
}

TEST_CASE("a client's certificate that is no good is refused, also where it is optional")
{
    world here(any_version());
    here.serve(test::certificate(test::certificate_content(), &here.root));
    here.server.client_ca_file = here.client.ca_file;
    here.server.clients = GENERATE(client_certificates::optional, client_certificates::required);
    int reason = 0;
    std::string words = "certificate of a client";
    SECTION("by an unknown authority")
    {
        here.client.certificate = here.folder.write("client", client_certificate(here.unknown));
        reason = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
        words = "issued by unknown CA";
    }
    SECTION("for servers")
    {
        here.client.certificate = here.folder.write("client", client_certificate(here.root, "serverAuth"));
        reason = X509_V_ERR_INVALID_PURPOSE;
    }
    SECTION("expired")
    {
        test::certificate_content content("a client", {});
        content.usage = "clientAuth";
        content.until = "20250101000000Z";
        here.client.certificate = here.folder.write("client", test::certificate(content, &here.root));
        reason = X509_V_ERR_CERT_HAS_EXPIRED;
        words = "expired on 2025-01-01";
    }
    const auto outcome = here.converse();
    test::require_untrusted(outcome.server, reason, words);
    REQUIRE_FALSE(outcome.client);
    CHECK(outcome.client.error().code() == errc::refused);
}
