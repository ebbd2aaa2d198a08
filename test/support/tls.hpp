// tls: a connection with TLS in memory, and what came of it on both sides.
#pragma once

#include "catch.hpp"
#include "support/certificate.hpp"
#include "support/run_in_memory.hpp"

#include <portico/portico.hpp>
#include <portico/tls/tls.hpp>
#include <string>

namespace test {

struct tls_outcome {
    portico::result<portico::tls::connection_info> client, server;
};

/// Asks, and wants an answer: with TLS 1.3 a client hears of what a server finds wrong only then.
inline portico::task<portico::tls::connection_info> ask(portico::connection& peer, portico::tls::client_context with,
                                                        std::string host)
{
    co_await portico::tls::handshake(peer, std::move(with), std::move(host));
    const auto agreed = portico::tls::info(peer);
    co_await peer.write("question\n");
    const auto line = co_await peer.read_line();
    REQUIRE(line);
    CHECK(line->text() == "answer");
    co_await peer.finish();
    co_return agreed.value();
}

inline portico::task<portico::tls::connection_info> answer(portico::connection& peer, portico::tls::server_context with)
{
    co_await portico::tls::handshake(peer, std::move(with));
    const auto agreed = portico::tls::info(peer);
    const auto line = co_await peer.read_line();
    REQUIRE(line);
    CHECK(line->text() == "question");
    co_await peer.write("answer\n");
    co_await peer.finish();
    co_return agreed.value();
}

/// A connection from its handshake to its end.
inline tls_outcome converse(const portico::tls::client_context& client, const portico::tls::server_context& server,
                            const std::string& host)
{
    return run_in_memory([&](portico::context& own, portico::memory_backend& outside) -> portico::task<tls_outcome> {
        outside.advance_when_idle();
        auto ends = portico::connection_pair(own);
        auto [asked, answered] = co_await portico::when_all(portico::as_result(ask(ends.first, client, host)),
                                                            portico::as_result(answer(ends.second, server)));
        tls_outcome both{std::move(asked), std::move(answered)};
        co_return both;
    });
}

/// Requires that a certificate was not accepted, for this reason of OpenSSL's, and that the error says these words.
inline void require_untrusted(const portico::result<portico::tls::connection_info>& outcome, int reason,
                              const std::string& words)
{
    REQUIRE_FALSE(outcome);
    const std::string text = outcome.error().what();
    CAPTURE(text);
    CHECK(outcome.error().code() == portico::errc::untrusted);
    const auto* const failure = dynamic_cast<const portico::tls::certificate_error*>(&outcome.error());
    REQUIRE(failure != nullptr);
    CHECK(failure->reason() == reason);
    CHECK(text.find(words) != std::string::npos);
}

} // namespace test
