// TLS under attack: peers that speak something else, links that are cut, a man in the middle, floods after a handshake.
#include "support/hostile_tls.hpp"
#include "support/tls.hpp"

#include <portico/wire/text.hpp>

using namespace portico;
using namespace test;

namespace {

using tls::protocol_version;

/// The handshake of one role.
task<> shake_hands(connection& peer, bool is_server, tls::handshake_options options = {})
{
    if (is_server)
        co_await tls::handshake(peer, the_server(), options);
    else
        co_await tls::handshake(peer, new_client(), "localhost", options);
}

struct wrong_start {
    wrong_start(std::string what, errc expected, std::string said)
        : sent(std::move(what)), code(expected), words(std::move(said)) {}

    std::string sent;
    errc code;
    std::string words;
};

/// Sends something in place of a handshake, and drops what comes back until the end.
task<> speak(connection& peer, const wrong_start& what)
{
    (void)co_await as_result(peer.write(bytes(what.sent)));
    if (what.code == errc::truncated)
        peer.shutdown_write().value();
    (void)co_await as_result(peer.read_all(1 << 20));
    peer.close();
}

task<> expect_refusal(connection& ours, bool is_server, const wrong_start& expected)
{
    const auto outcome = co_await as_result(shake_hands(ours, is_server));
    CHECK_FALSE(ours.is_open());
    REQUIRE_FALSE(outcome);
    const std::string what = outcome.error().what();
    CAPTURE(what);
    CHECK(outcome.error().code() == expected.code);
    CHECK(what.find(expected.words) != std::string::npos);
}

std::vector<wrong_start> wrong_starts(bool is_server)
{
    const std::string not_tls = "the peer does not speak TLS";
    std::string empty_records;
    for (int i = 0; i < 2'000; ++i)
        empty_records.append("\x16\x03\x03\0\0", 5);
    using namespace std::string_literals;
    std::vector<wrong_start> all{
        {"SSH-2.0-OpenSSH_9.2p1\r\n", errc::malformed, not_tls},
        {"220 mail.example ESMTP\r\n", errc::malformed, not_tls},
        {"\x17\x03\x03\0\x05quiet"s, errc::malformed, ""}, // application data
        {"\x16\x03\x03\xff\xff" + pattern(70'000), errc::malformed, ""},
        {"\x16\x03\x03\0\x04\x01\xff\xff\xff"s + "\x16\x03\x03\x40\0"s + pattern(16'384), errc::malformed, ""},
        {empty_records, errc::malformed, ""},
        {"", errc::truncated, "the peer closed the connection during the handshake"},
        {"\x16\x03\x01"s, errc::truncated, "the peer closed the connection during the handshake"},
    };
    const std::string no_more = "\x15\x03\x03\0\x02\x01\0"s, failure = "\x15\x03\x03\0\x02\x02\x28"s; // alerts
    if (is_server) {
        all.emplace_back("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", errc::malformed, "peer speaks HTTP without TLS");
        all.emplace_back(no_more, errc::malformed, "unexpected message");
        all.emplace_back(failure, errc::malformed, "unexpected message");
    } else {
        all.emplace_back("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", errc::malformed, not_tls);
        all.emplace_back(no_more, errc::truncated, "during the handshake");
        all.emplace_back(failure, errc::refused, "the peer refuses what is offered");
    }
    for (std::uint32_t seed = 0; seed < 20; ++seed)
        all.emplace_back("%" + pattern(100 + 40 * seed, seed), errc::malformed, "");
    return all;
}

} // namespace

TEST_CASE("TLS: a peer that speaks something else gets its own error at once, all at once and byte by byte")
{
    for (const bool is_server : {false, true})
        for (const std::size_t most_a_read : {SIZE_MAX, std::size_t{1}})
            for (const wrong_start& each : wrong_starts(is_server)) {
                INFO((is_server ? "server" : "client") << " is told " << text::escape(each.sent, 30));
                run_in_memory([&](context& own, memory_backend& outside) -> task<> { // whose clock stands still
                    memory_link link;
                    link.most_a_read = most_a_read;
                    link.capacity = 256 * 1024;
                    outside.link(link);
                    auto ends = connection_pair(own);
                    co_await when_all(expect_refusal(ends.first, is_server, each), speak(ends.second, each));
                });
            }
}

TEST_CASE("TLS: a peer that speaks something else and then waits is left after a second")
{
    for (const bool is_server : {false, true})
        run_in_memory([&](context& own, memory_backend& outside) -> task<> {
            outside.advance_when_idle();
            auto ends = connection_pair(own);
            const time_point begin = own.now();
            const wrong_start banner("SSH-2.0-OpenSSH_9.2p1\r\n", errc::malformed, "does not speak TLS");
            co_await ends.second.write(bytes(banner.sent));
            co_await expect_refusal(ends.first, is_server, banner);
            CHECK(own.now() - begin == 1s);
        });
}

namespace {

/// What a man in the middle does to one direction, record by record.
class meddler {
public:
    enum class act { nothing, flip, drop, repeat, end, swap_records, replay_record, inject_end, inject_failure };
    static bool is_of_records(act what) { return what >= act::swap_records; }

    /// `at`: the index of a byte, or of a record.
    explicit meddler(act what = act::nothing, std::size_t at = 0) : what_(what), at_(at) {}

    /// What goes on in place of what has come.
    std::string pass(std::string_view received)
    {
        pending_ += received;
        std::string out;
        while (pending_.size() >= 5 && pending_.size() >= record_size() && !has_ended_) {
            out += change(pending_.substr(0, record_size()));
            pending_.erase(0, record_size());
        }
        return out;
    }
    std::string rest() { return std::exchange(held_, {}) + std::exchange(pending_, {}); }
    bool has_ended() const { return has_ended_; } // the receiver is told of an end
    bool has_acted() const { return has_acted_; }
    /// What was changed is nothing that anybody has to look at: the version in the header of a record, and the records
    /// that are there for the sake of others (RFC 8446 section 5.1 and appendix D.4).
    bool is_harmless(protocol_version version) const
    {
        return is_in_version_ || (version == protocol_version::tls1_3 && is_dummy_);
    }
    std::size_t bytes_passed() const { return bytes_; }
    std::size_t records_passed() const { return records_; }

private:
    std::size_t record_size() const
    {
        return 5 + static_cast<std::size_t>(static_cast<unsigned char>(pending_[3])) * 256
             + static_cast<unsigned char>(pending_[4]);
    }

    std::string change(std::string record)
    {
        const bool is_here = is_of_records(what_) ? records_ == at_ : at_ >= bytes_ && at_ - bytes_ < record.size();
        const std::size_t within = is_of_records(what_) ? 0 : at_ - bytes_;
        const bool is_dummy = record[0] == 20;
        bytes_ += record.size();
        ++records_;
        if (!held_.empty()) {
            is_dummy_ = is_dummy_ || is_dummy;
            return record + std::exchange(held_, {});
        }
        if (what_ == act::nothing || !is_here)
            return record;
        has_acted_ = true;
        is_dummy_ = is_dummy && is_of_records(what_);
        const std::string before = record.substr(0, within);
        switch (what_) {
        case act::nothing: break;
        case act::flip:
            is_in_version_ = within == 1 || within == 2;
            record[within] = static_cast<char>(record[within] ^ (1 << at_ % 8));
            break;
        case act::drop: record.erase(within, 1); break;
        case act::repeat: record.insert(within, 1, record[within]); break;
        case act::end: has_ended_ = true; return before;
        case act::swap_records: held_ = record; return {};
        case act::replay_record: return record + record;
        case act::inject_end: is_dummy_ = false; return std::string("\x15\x03\x03\0\x02\x01\0", 7) + record;
        case act::inject_failure: is_dummy_ = false; return std::string("\x15\x03\x03\0\x02\x02\x28", 7) + record;
        }
        return record;
    }

    act what_;
    std::size_t at_, bytes_ = 0, records_ = 0;
    std::string pending_, held_;
    bool has_ended_ = false, has_acted_ = false, is_in_version_ = false, is_dummy_ = false;
};

/// Passes on what comes from one side to the other, and how it ends.
task<> relay(connection& from, connection& to, meddler& how)
{
    for (;;) {
        const auto part = co_await as_result(from.read_some());
        if (!part)
            break;
        const bool is_end = part->empty();
        const std::string out = is_end && !how.has_ended() ? how.rest() : how.pass(part->text());
        if (!out.empty()) {
            const auto sent = co_await as_result(to.write(bytes(out)));
            if (!sent)
                break;
        }
        if (is_end || how.has_ended())
            (void)to.shutdown_write();
        if (is_end)
            co_return;
    }
    to.abort();
}

struct side {
    std::string received;
    std::optional<error> failure;
};

/// One side of a conversation: says what it has to say and its end, and takes what the other one says until its end.
task<> converse(connection& peer, task<> handshake, std::string_view own, bool is_first, std::string& received)
{
    peer.timeout(10s);
    co_await std::move(handshake);
    if (!is_first)
        co_await read_everything(peer, received);
    co_await peer.write(bytes(own));
    peer.shutdown_write().value();
    if (is_first)
        co_await read_everything(peer, received);
    co_await peer.finish();
}

task<> note(connection& peer, task<> conversation, side& outcome)
{
    const auto done = co_await as_result(std::move(conversation));
    if (!done)
        outcome.failure = done.error();
    peer.close();
}

struct conversation {
    explicit conversation(protocol_version which, std::size_t size)
        : version(which), question(pattern(size, 1)), answer(pattern(size, 2)) {}

    task<> run(connection& near, connection& far)
    {
        task<> asked = converse(near, tls::handshake(near, new_client(version), "localhost"), question, true,
                                client.received);
        task<> answered = converse(far, tls::handshake(far, the_server()), answer, false, server.received);
        co_await when_all(note(near, std::move(asked), client), note(far, std::move(answered), server));
    }

    /// Whatever has happened: nobody has got anything that was not sent, nor been told of an end where it was not.
    void require_honest() const
    {
        require_honest(client, answer);
        require_honest(server, question);
    }
    static void require_honest(const side& which, const std::string& sent)
    {
        CAPTURE(which.failure ? which.failure->what() : "ended well");
        CHECK((which.received == std::string_view(sent).substr(0, which.received.size())));
        if (!which.failure) {
            CHECK(which.received.size() == sent.size());
            return;
        }
        const std::error_code code = which.failure->code();
        CHECK((code == errc::malformed || code == errc::truncated || code == errc::refused || code == errc::untrusted
               || code == errc::timed_out || code == std::errc::connection_reset || code == std::errc::broken_pipe
               || code == std::errc::not_connected));
    }

    protocol_version version;
    std::string question, answer;
    side client, server;
};

/// A conversation through somebody who meddles with what goes to the server, and to the client.
void converse_through(conversation& talk, meddler& to_server, meddler& to_client)
{
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        outside.advance_when_idle();
        auto left = connection_pair(own), right = connection_pair(own);
        co_await when_all(talk.run(left.first, right.second), relay(left.second, right.first, to_server),
                          relay(right.first, left.second, to_client));
    });
    talk.require_honest();
}

constexpr protocol_version versions[] = {protocol_version::tls1_2, protocol_version::tls1_3};

} // namespace

TEST_CASE("TLS: a handshake of one byte a second ends exactly at its deadline")
{
    for (const bool is_server : {false, true})
        run_in_memory([&](context& own, memory_backend& outside) -> task<> {
            outside.advance_when_idle();
            auto left = connection_pair(own), right = connection_pair(own);
            const auto pass_slowly = [](connection& from, connection& to) -> task<> {
                for (;;) {
                    const auto next = co_await as_result(from.read_some(1));
                    if (!next || next->empty())
                        break;
                    const std::string one(next->text());
                    co_await sleep_for(1s);
                    const auto sent = co_await as_result(to.write(bytes(one)));
                    if (!sent)
                        break;
                }
                to.close();
            };
            meddler honest, also_honest;
            const time_point begin = own.now();
            const auto expect_late = [&](connection& ours) -> task<> {
                tls::handshake_options options;
                options.timeout = 20s + 1ns;
                const auto outcome = co_await as_result(shake_hands(ours, is_server, options));
                CHECK(own.now() - begin == options.timeout);
                CHECK_FALSE(ours.is_open());
                REQUIRE_FALSE(outcome);
                CHECK(outcome.error().code() == errc::timed_out);
                CHECK(outcome.error().phase() == phase::handshake);
            };
            const auto other = [&](connection& peer) -> task<> {
                (void)co_await as_result(shake_hands(peer, !is_server));
                peer.close();
            };
            co_await when_all(expect_late(left.first), other(right.second), pass_slowly(right.first, left.second),
                              relay(left.second, right.first, honest));
        });
}

TEST_CASE("TLS: a link that is cut anywhere ends both sides with an error, unless all had arrived")
{
    for (const protocol_version spoken : versions) {
        std::size_t cut = 0;
        for (std::size_t after = 0;; after += 7) {
            CAPTURE(after);
            conversation talk(spoken, 300);
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                outside.advance_when_idle();
                memory_link link;
                link.cut_after = after;
                outside.link(link);
                const time_point begin = own.now();
                auto ends = connection_pair(own);
                co_await talk.run(ends.first, ends.second);
                CHECK(own.now() - begin <= 1s); // nobody waits for somebody who is gone
            });
            talk.require_honest();
            if (!talk.client.failure && !talk.server.failure)
                break;
            cut += talk.client.failure && talk.server.failure;
            REQUIRE(after < 10'000);
        }
        CHECK(cut > 100);
    }
}

TEST_CASE("TLS: a stream that somebody ends anywhere is truncated, in both directions")
{
    for (const protocol_version spoken : versions)
        for (const bool is_to_server : {false, true})
            for (std::size_t at = 0, step = 13;; at += step) {
                CAPTURE(at, is_to_server);
                conversation talk(spoken, 300);
                meddler ends(meddler::act::end, at), honest;
                converse_through(talk, is_to_server ? ends : honest, is_to_server ? honest : ends);
                if (!ends.has_acted()) {
                    CHECK(at > 600);
                    CHECK_FALSE(talk.client.failure);
                    CHECK_FALSE(talk.server.failure);
                    break;
                }
                const side& fooled = is_to_server ? talk.server : talk.client;
                REQUIRE(fooled.failure);
                CHECK(fooled.failure->code() == errc::truncated);
            }
}

TEST_CASE("TLS: the end of a stream in the place of a client's certificate is no handshake that is done")
{
    for (const protocol_version spoken : versions) {
        tls::server_options options;
        options.certificates = {{trusted_server::instance().folder.path("server.pem"),
                                 trusted_server::instance().folder.path("server.key")}};
        options.clients = tls::client_certificates::required;
        options.client_ca_file = trusted_server::instance().folder.path("server.pem");
        const tls::server_context asking(options);
        for (std::size_t at = 1; at < 4; ++at)
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                outside.advance_when_idle();
                auto left = connection_pair(own), right = connection_pair(own);
                meddler hostile(meddler::act::inject_end, at), honest;
                side client, server;
                task<> ask = tls::handshake(left.first, new_client(spoken), "localhost");
                co_await when_all(note(left.first, std::move(ask), client),
                                  note(right.second, tls::handshake(right.second, asking), server),
                                  relay(left.second, right.first, hostile), relay(right.first, left.second, honest));
                CHECK(hostile.has_acted());
                CHECK(server.failure);
            });
    }
}

TEST_CASE("TLS: whatever a man in the middle changes is an error, and never a wrong byte or a wrong end")
{
    using act = meddler::act;
    constexpr unsigned samples = 12;
    std::uint32_t random = 20'261'123;
    for (const protocol_version spoken : versions) {
        conversation undisturbed(spoken, 20'000);
        meddler honest_to_server, honest_to_client;
        converse_through(undisturbed, honest_to_server, honest_to_client);
        CHECK_FALSE(undisturbed.client.failure);
        CHECK_FALSE(undisturbed.server.failure);
        for (const bool is_to_server : {false, true})
            for (const act what : {act::flip, act::drop, act::repeat, act::swap_records, act::replay_record,
                                   act::inject_end, act::inject_failure})
                for (unsigned sample = 0; sample < samples; ++sample) {
                    const meddler& seen = is_to_server ? honest_to_server : honest_to_client;
                    // Behind the last record nobody listens; signatures are of different lengths.
                    const std::size_t most = meddler::is_of_records(what) ? seen.records_passed() - 1
                                                                          : seen.bytes_passed() - 20;
                    random = random * 1664525 + 1013904223;
                    // Half of them in the handshake.
                    const std::size_t at = (random >> 8) % (sample % 2 == 0 ? most : std::min<std::size_t>(most, 800));
                    INFO("act " << static_cast<int>(what) << " at " << at << ", " << tls::to_string(spoken)
                                << (is_to_server ? ", to server" : ", to client"));
                    conversation talk(spoken, 20'000);
                    meddler hostile(what, at), honest;
                    converse_through(talk, is_to_server ? hostile : honest, is_to_server ? honest : hostile);
                    CHECK(hostile.has_acted());
                    const side& fooled = is_to_server ? talk.server : talk.client;
                    const bool is_noticed = fooled.failure.has_value() || hostile.is_harmless(spoken);
                    CHECK(is_noticed);
                }
    }
}

namespace {

/// Runs `body(hostile, ours)` after a handshake in memory; the clock jumps where everything waits.
template <class Body>
void after_handshake(bool ours_is_server, protocol_version version, const memory_link& link, const Body& body)
{
    run_in_memory([&](context& own, memory_backend& outside) -> task<> {
        outside.link(link);
        auto ends = connection_pair(own);
        co_await when_all(tls::handshake(ends.first, new_client(version), "localhost"),
                          tls::handshake(ends.second, the_server()));
        connection& hostile = ours_is_server ? ends.first : ends.second;
        connection& ours = ours_is_server ? ends.second : ends.first;
        co_await body(hostile, ours, outside);
    });
}

/// So many key updates, and one byte.
task<> update_keys(connection& from, unsigned count, int kind)
{
    SSL* const ssl = ssl_of(from);
    for (unsigned i = 0; i < count; ++i) {
        REQUIRE(SSL_key_update(ssl, kind) == 1);
        REQUIRE(SSL_do_handshake(ssl) == 1);
    }
    co_await from.write("x");
}

} // namespace

TEST_CASE("TLS: key updates without end, of a peer that reads no answer, fill no memory, and when it reads it goes on")
{
    for (const bool ours_is_server : {false, true})
        after_handshake(ours_is_server, protocol_version::tls1_3, {},
                        [](connection& hostile, connection& ours, memory_backend& outside) -> task<> {
            constexpr unsigned most = 200, each = 100;
            unsigned sent = 0;
            std::size_t got = 0;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn([&]() -> task<> {
                    while (got < most) {
                        const bytes part = co_await ours.read_some();
                        got += part.size();
                    }
                });
                group.spawn([&]() -> task<> {
                    for (; sent < most; ++sent)
                        co_await update_keys(hostile, each, SSL_KEY_UPDATE_REQUESTED);
                });
                co_await outside.settle();
                CHECK(sent < most); // we have stopped to read, for we cannot answer
                // An answer is 27 bytes: on the link, and what is kept for it.
                CHECK(got * each * 27 < (64 + 192 + 64) * 1024);
                CHECK(got * each * 27 > 64 * 1024);
                group.spawn([&]() -> task<> {
                    const auto line = co_await hostile.read_line();
                    CHECK((line && line->text() == "still here"));
                });
                while (got < most)
                    co_await yield();
                co_await ours.write("still here\n");
            });
            CHECK(got == most);
        });
}

TEST_CASE("TLS: others have their turn while a peer floods us with messages that are nothing to read")
{
    memory_link link;
    link.capacity = 2 << 20;
    for (const bool ours_is_server : {false, true})
        after_handshake(ours_is_server, protocol_version::tls1_3, link,
                        [](connection& hostile, connection& ours, memory_backend&) -> task<> {
            for (int round = 0; round < 30; ++round)
                co_await update_keys(hostile, 500, SSL_KEY_UPDATE_NOT_REQUESTED);
            const std::size_t flooded = 30 * 500 * 27;
            std::size_t turns = 0;
            event done;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn([&]() -> task<> {
                    const bytes all = co_await ours.read_exactly(30);
                    CHECK(all == std::string(30, 'x'));
                    done.set();
                });
                while (!done.is_set()) {
                    ++turns;
                    co_await yield();
                }
            });
            CHECK(turns >= flooded / (80 * 1024));
        });
}

TEST_CASE("TLS 1.2: renegotiation is refused, whoever asks for it")
{
    for (const bool ours_is_server : {false, true})
        after_handshake(ours_is_server, protocol_version::tls1_2, {},
                        [](connection& hostile, connection& ours, memory_backend& outside) -> task<> {
            outside.advance_when_idle();
            co_await hostile.write("before");
            SSL* const ssl = ssl_of(hostile);
            SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
            REQUIRE(SSL_renegotiate(ssl) == 1);
            SSL_do_handshake(ssl);
            std::optional<error> failure;
            const auto go_on = [&](connection& peer, std::string& received) -> task<> {
                const auto all = co_await as_result(read_everything(peer, received));
                if (!all)
                    failure = all.error();
                peer.close();
            };
            const auto end = [](connection& peer, std::string& received) -> task<> {
                const auto first = co_await as_result(peer.read_some());
                received += first ? first->text() : "";
                (void)co_await as_result(peer.write("answer"));
                SSL* const own = ssl_of(peer);
                CHECK(SSL_total_renegotiations(own) == 0);
                co_await peer.finish();
            };
            std::string got, answered;
            co_await when_all(go_on(hostile, answered), end(ours, got));
            CHECK(got.substr(0, 6) == "before");
            REQUIRE(failure); // the peer takes the refusal for the end
            CHECK(std::string(failure->what()).find("no renegotiation") != std::string::npos);
            CHECK(answered.empty());
        });
}

TEST_CASE("TLS: records of one byte are a stream like any other")
{
    for (const protocol_version spoken : versions)
        after_handshake(true, spoken, {}, [](connection& hostile, connection& ours, memory_backend&) -> task<> {
            const std::string data = pattern(20'000);
            std::string received;
            const auto send = [&](connection& to) -> task<> {
                for (const char& each : data)
                    co_await to.write(bytes(&each, 1));
                co_await to.finish();
            };
            const auto receive = [&](connection& from) -> task<> {
                co_await read_everything(from, received);
                co_await from.finish();
            };
            co_await when_all(send(hostile), receive(ours));
            CHECK((received == data));
        });
}

TEST_CASE("TLS: bytes on the link that nobody has encrypted end it, with what was right before")
{
    using namespace std::string_literals;
    const std::vector<std::string> wrong{
        "\x17\x03\x03\x48\x01"s + pattern(100), // longer than a record may be
        "\x17\x03\x03\0\0"s,                    // without room for what shows that it is right
        "\x17\x03\x03\0\x20"s + pattern(32),    // from nobody who has the keys
        "\x15\x03\x03\0\x02\x01\0"s,            // the end of the stream, in the clear
        "\x15\x03\x03\0\x02\x02\x28"s,          // a failure
        "\x16\x03\x03\0\x04\0\0\0\0"s,          // asks for renegotiation
        "GET / HTTP/1.1\r\n\r\n"};
    for (const protocol_version spoken : versions)
        for (const bool ours_is_server : {false, true})
            for (const std::string& each : wrong)
                after_handshake(ours_is_server, spoken, {},
                                [&](connection& hostile, connection& ours, memory_backend&) -> task<> {
                    INFO(tls::to_string(spoken) << ", server: " << ours_is_server << ", " << text::escape(each, 20));
                    co_await hostile.write("before");
                    inject(hostile, each);
                    co_await hostile.write("behind");
                    const bytes right = co_await ours.read_some();
                    CHECK(right == "before");
                    for (int round = 0; round < 2; ++round) {
                        const auto more = co_await as_result(ours.read_some());
                        REQUIRE_FALSE(more);
                        CHECK(more.error().code() == errc::malformed);
                        const auto sent = co_await as_result(ours.write("more"));
                        CHECK_FALSE(sent);
                    }
                });
}

TEST_CASE("TLS: each direction ends by itself, and the other goes on")
{
    for (const protocol_version spoken : versions)
        for (const bool ours_is_server : {false, true})
            after_handshake(ours_is_server, spoken, {},
                            [](connection& near, connection& far, memory_backend&) -> task<> {
                co_await near.write("all of it");
                near.shutdown_write().value();
                const bytes all = co_await far.read_all(100);
                CHECK(all == "all of it");
                const auto refused = co_await as_result(near.write("more"));
                REQUIRE_FALSE(refused);
                CHECK(refused.error().code() == std::errc::broken_pipe);
                for (int round = 0; round < 3; ++round) {
                    co_await far.write("line\n");
                    const auto line = co_await near.read_line();
                    CHECK((line && line->text() == "line"));
                    const bytes still_ended = co_await far.read_some();
                    CHECK(still_ended.empty());
                }
                far.shutdown_write().value();
                const bytes end = co_await near.read_some();
                CHECK(end.empty());
            });
}

TEST_CASE("TLS: the end of our stream may be sent twice, and what the peer has on the way arrives")
{
    for (const protocol_version spoken : versions)
        for (const bool ours_is_server : {false, true})
            for (const bool is_read : {false, true})
                after_handshake(ours_is_server, spoken, {},
                                [&](connection& near, connection& far, memory_backend&) -> task<> {
                    co_await near.write("on the way");
                    far.shutdown_write().value();
                    far.shutdown_write().value();
                    if (is_read) {
                        const auto on_the_way = co_await far.read_exactly(10);
                        CHECK(on_the_way == "on the way");
                    }
                    const bytes none = co_await near.read_all(100);
                    CHECK(none.empty());
                    co_await near.write("and more");
                    if (is_read) {
                        far.shutdown_write().value();
                        const auto more = co_await far.read_exactly(8);
                        CHECK(more == "and more");
                    }
                    co_await when_all(near.finish(), far.finish()); // without an error
                });
}

TEST_CASE("TLS: every read of a stream that was cut off says so, again and again")
{
    using read = task<> (*)(connection&);
    // In each, what was sent before is taken first where that is a result by itself.
    const std::vector<std::pair<const char*, read>> reads{
        {"read_line", [](connection& from) -> task<> { (void)co_await from.read_line(); }},
        {"read_until", [](connection& from) -> task<> { (void)co_await from.read_until(";", 100); }},
        {"read_exactly", [](connection& from) -> task<> { (void)co_await from.read_exactly(10); }},
        {"read_all", [](connection& from) -> task<> { (void)co_await from.read_all(100); }},
        {"peek", [](connection& from) -> task<> { (void)co_await from.peek(10); }},
        {"read_some",
         [](connection& from) -> task<> {
             for (bytes part("-"); !part.empty();)
                 part = co_await from.read_some();
         }},
        {"read_into",
         [](connection& from) -> task<> {
             char into[10];
             for (std::size_t count = 1; count != 0;)
                 count = co_await from.read_into(into);
         }},
        {"try_read_some", [](connection& from) -> task<> {
             for (std::optional<bytes> part; !part || !part->empty();) {
                 co_await from.wait_readable();
                 part = from.try_read_some();
             }
         }}};
    for (const bool ours_is_server : {false, true})
        for (const auto& [name, operation] : reads)
            for (const std::string_view before : {"", "abc"})
                after_handshake(ours_is_server, protocol_version::tls1_3, {},
                                [&](connection& hostile, connection& ours, memory_backend&) -> task<> {
                    INFO(name << " behind \"" << before << '"');
                    if (!before.empty())
                        co_await hostile.write(bytes(before));
                    CHECK_FALSE(transport_of(hostile).below->shutdown_write());
                    for (int round = 0; round < 3; ++round) {
                        const auto outcome = co_await as_result(operation(ours));
                        REQUIRE_FALSE(outcome);
                        CHECK(outcome.error().code() == errc::truncated);
                        const std::string what = outcome.error().what();
                        CHECK(what.find("close_notify") != std::string::npos);
                    }
                });
}
