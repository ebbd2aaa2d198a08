// names: for whom a certificate is, by its subject alternative names alone (RFC 9525, RFC 6125), whoever else it names.
#include "support/tls.hpp"

#include <vector>

using namespace portico;
using namespace std::string_literals;

namespace {

struct name_case {
    std::string host;               ///< for whom the client asks
    std::vector<std::string> names; ///< for whom the certificate is
    std::string common_name = "a server";
};

/// One authority for all cases; the certificate differs.
class world {
public:
    world() { client_.ca_file = folder_.write("root.pem", root_.pem()); }

    test::tls_outcome converse(const name_case& of) const
    {
        const test::certificate shown(test::certificate_content(of.common_name, of.names), &root_);
        tls::server_options server;
        server.certificates = {folder_.write("server", shown)};
        return test::converse(tls::client_context(client_), tls::server_context(server), of.host);
    }

private:
    test::certificate_folder folder_;
    test::certificate root_ = test::certificate::authority("portico test CA");
    tls::client_options client_;
};

void require_accepted(const std::vector<name_case>& cases)
{
    const world here;
    for (const name_case& each : cases) {
        CAPTURE(each.host, each.names);
        const auto outcome = here.converse(each);
        CHECK((outcome.client ? "accepted" : std::string(outcome.client.error().what())) == "accepted");
    }
}

/// The certificate is that of somebody else, which the error says.
void require_refused(const std::vector<name_case>& cases, int reason = X509_V_ERR_HOSTNAME_MISMATCH)
{
    const world here;
    for (const name_case& each : cases) {
        CAPTURE(each.host, each.names);
        test::require_untrusted(here.converse(each).client, reason, "not for " + each.host);
    }
}

} // namespace

TEST_CASE("a certificate is for the hosts that its DNS names are, whatever case they are written in")
{
    require_accepted({{"localhost", {"DNS:localhost"}},
                      {"LOCALHOST", {"DNS:localhost"}},
                      {"www.example.test", {"DNS:WWW.Example.TEST"}},
                      {"second.test", {"DNS:first.test", "IP:127.0.0.1", "DNS:second.test"}},
                      {"xn--bcher-kva.example.test", {"DNS:xn--bcher-kva.example.test"}},
                      {"_service.under_score.test", {"DNS:_service.under_score.test"}}});
    require_refused({{"localhost", {"DNS:localhost.test"}},
                     {"localhost.test", {"DNS:localhost"}},
                     {"example.test", {"DNS:www.example.test"}},
                     {"www.example.test", {"DNS:example.test"}},
                     {"localhost", {"DNS:local host"}},
                     {"localhost", {"DNS:"}}});
}

TEST_CASE("a wildcard stands for one whole label, the first")
{
    require_accepted({{"a.example.test", {"DNS:*.example.test"}},
                      {"A.Example.Test", {"DNS:*.eXAMPLE.tEST"}},
                      {"xn--bcher-kva.example.test", {"DNS:*.example.test"}},
                      {"a.b.example.test", {"DNS:*.b.example.test"}}});
    require_refused({{"example.test", {"DNS:*.example.test"}},
                     {"a.b.example.test", {"DNS:*.example.test"}},
                     {"a.b.test", {"DNS:*.*.test"}},
                     {"a.b.test", {"DNS:a.*.test"}},
                     {"localhost", {"DNS:*"}},
                     {"a.test", {"DNS:*.test"}}, // for all names of a registry
                     {"a.test", {"DNS:*."}},
                     {"web.example.test", {"DNS:w*.example.test"}},
                     {"web.example.test", {"DNS:*b.example.test"}},
                     {"web.example.test", {"DNS:w*b.example.test"}},
                     {"web.example.test", {"DNS:**.example.test"}},
                     {"xn--bcher-kva.example.test", {"DNS:xn--*.example.test"}}});
}

TEST_CASE("bytes behind a NUL in a name are part of it")
{
    require_refused({{"good.test", {"DNS:good.test\0.evil.test"s}},
                     {"good.test", {"DNS:good.test\0"s}},
                     {"a.example.test", {"DNS:*.example.test\0.evil.test"s}},
                     {"good.test", {"DNS:\0good.test"s}}});
}

TEST_CASE("only subject alternative names of the right kind count")
{
    require_refused({{"localhost", {}, "localhost"},
                     {"localhost", {"email:user@portico.test"}, "localhost"}, // names, but of no host
                     {"localhost", {"email:localhost"}, "localhost"},
                     {"localhost", {"IP:127.0.0.1"}, "localhost"},
                     {"localhost", {"DNS:other.test"}, "localhost"},
                     {"127.1", {"IP:127.0.0.1", "DNS:127.0.0.1"}}}); // which some resolvers take for an address
    require_refused({{"127.0.0.1", {}, "127.0.0.1"},
                     {"127.0.0.1", {"DNS:127.0.0.1"}, "127.0.0.1"},
                     {"127.0.0.1", {"DNS:*.0.0.1"}},
                     {"::1", {"DNS:::1"}, "::1"},
                     {"127.0.0.1", {"DNS:localhost"}}},
                    X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_CASE("an IP address is compared as an address")
{
    require_accepted({{"127.0.0.1", {"IP:127.0.0.1"}},
                      {"192.0.2.1", {"DNS:localhost", "IP:192.0.2.1"}},
                      {"::1", {"IP:::1"}},
                      {"0:0:0:0:0:0:0:1", {"IP:::1"}},
                      {"2001:DB8::00ff", {"IP:2001:db8:0:0:0:0:0:ff"}},
                      {"::ffff:192.0.2.1", {"IP:::ffff:c000:201"}},
                      {"fe80::1%1", {"IP:fe80::1"}}}); // only this machine knows the zone
    require_refused({{"127.0.0.2", {"IP:127.0.0.1"}},
                     {"::2", {"IP:::1"}},
                     {"127.0.0.1", {"IP:::ffff:127.0.0.1"}},
                     {"::ffff:127.0.0.1", {"IP:127.0.0.1"}}},
                    X509_V_ERR_IP_ADDRESS_MISMATCH);
}

TEST_CASE("the dot of the root behind a name asked for means nothing")
{
    require_accepted({{"localhost.", {"DNS:localhost"}}, {"a.example.test.", {"DNS:*.example.test"}}});
    require_refused({{"localhost", {"DNS:localhost."}}});
}

TEST_CASE("a server is told the name that it is asked for, and no address")
{
    const world here;
    for (const auto& [host, told] : {std::pair<std::string, std::string>("localhost", "localhost"),
                                     {"localhost.", "localhost"}, {"127.0.0.1", ""}, {"::1", ""}}) {
        CAPTURE(host);
        const auto outcome = here.converse({host, {"DNS:localhost", "IP:127.0.0.1", "IP:::1"}});
        REQUIRE(outcome.client);
        REQUIRE(outcome.server);
        CHECK(outcome.client->server_name == told);
        CHECK(outcome.server->server_name == told);
    }
}

// OpenSSL takes an empty one for anybody, and one that begins with a dot for every host below it.
TEST_CASE("what is no host is never connected to")
{
    const world here;
    for (const std::string& host : {""s, "."s, ".example.test"s, "a..example.test"s, "example.test\0"s, "\0"s,
                                    "a.example.test\0.evil.test"s, "a.example.test\r\n"s, "a.example.test "s, "[::1]"s,
                                    "b\xc3\xbc""cher.example.test"s, std::string(300, 'a')}) {
        CAPTURE(host);
        const name_case asked{host, {"DNS:a.example.test", "DNS:*.example.test", "IP:::1", "DNS:example.test"}};
        CHECK_FALSE(here.converse(asked).client);
    }
}
