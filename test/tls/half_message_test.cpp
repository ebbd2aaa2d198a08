// A peer that sends half of a message to TLS itself (a key update): OpenSSL writes nothing before it has the rest.
#include "support/hostile_tls.hpp"
#include "support/run_in_memory.hpp"

#include <openssl/hmac.h>

using namespace portico;
using namespace test;

namespace {

/// What clients tell of their last handshake: the secrets that the client and the server send by.
std::string told_secrets[2];

void note_secret(const SSL*, const char* line)
{
    const std::string said(line);
    for (const bool is_server : {false, true})
        if (said.starts_with(is_server ? "SERVER_TRAFFIC_SECRET_0 " : "CLIENT_TRAFFIC_SECRET_0 ")) {
            long size = 0;
            const std::string hex = said.substr(said.rfind(' ') + 1);
            unsigned char* const secret = OPENSSL_hexstr2buf(hex.c_str(), &size);
            told_secrets[is_server].assign(reinterpret_cast<const char*>(secret), static_cast<std::size_t>(size));
            OPENSSL_free(secret);
        }
}

/// Makes records of TLS_AES_128_GCM_SHA256, for OpenSSL does not cut its own messages where a test wants it.
class record_source {
public:
    /// `sequence`: how many records were sent before.
    record_source(std::string secret, std::uint64_t sequence) : secret_(std::move(secret)), sequence_(sequence) {}

    std::string data(std::string content) { return record(std::move(content), SSL3_RT_APPLICATION_DATA); }
    std::string message(std::string content) { return record(std::move(content), SSL3_RT_HANDSHAKE); }
    /// Behind a key update (RFC 8446 section 7.2).
    void update_key()
    {
        secret_ = expand("traffic upd", 32);
        sequence_ = 0;
    }

private:
    // HKDF-Expand-Label (RFC 8446 section 7.1), where one block is enough.
    std::string expand(const std::string& label, std::size_t size) const
    {
        const std::string full = "tls13 " + label;
        std::string info{'\0', static_cast<char>(size), static_cast<char>(full.size())};
        info += full + std::string("\0\1", 2);
        std::string made(32, '\0');
        REQUIRE(HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
                     reinterpret_cast<const unsigned char*>(info.data()), info.size(),
                     reinterpret_cast<unsigned char*>(made.data()), nullptr)
                != nullptr);
        made.resize(size);
        return made;
    }

    // RFC 8446 sections 5.2 and 5.3.
    std::string record(std::string content, int type)
    {
        constexpr int tag_size = 16;
        content += static_cast<char>(type);
        const std::size_t size = content.size() + tag_size;
        std::string made("\x17\x03\x03");
        made += {static_cast<char>(size >> 8), static_cast<char>(size)};
        const std::string key = expand("key", 16);
        std::string nonce = expand("iv", 12);
        for (std::size_t i = 0; i < 8; ++i)
            nonce[11 - i] = static_cast<char>(nonce[11 - i] ^ static_cast<char>(sequence_ >> (8 * i)));
        ++sequence_;
        std::string sealed(size, '\0');
        const auto at = [](std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); };
        const auto of = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
        const std::unique_ptr<EVP_CIPHER_CTX, tls::detail::deleter<EVP_CIPHER_CTX_free>> cipher(EVP_CIPHER_CTX_new());
        int done = 0;
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, of(key), of(nonce));
        EVP_EncryptUpdate(cipher.get(), nullptr, &done, of(made), static_cast<int>(made.size()));
        EVP_EncryptUpdate(cipher.get(), at(sealed), &done, of(content), static_cast<int>(content.size()));
        EVP_EncryptFinal_ex(cipher.get(), nullptr, &done);
        REQUIRE(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size, at(sealed) + content.size()) == 1);
        return made + sealed;
    }

    std::string secret_;
    std::uint64_t sequence_;
};

/// Counts how often it is waited for, and in the end wakes nobody any more: so a test that has no end fails at once.
class counting_transport final : public layered_transport {
public:
    unsigned waits = 0;

    io_result try_read(std::span<char> to) noexcept override { return below->try_read(to); }
    io_result try_write(std::span<const bytes> from) noexcept override { return below->try_write(from); }
    void wait(direction which, operation& waiter) noexcept override
    {
        if (++waits < 1000)
            below->wait(which, waiter);
    }
    void abandon(direction which) noexcept override { below->abandon(which); }
    std::error_code connect_result() noexcept override { return below->connect_result(); }
    std::error_code shutdown_write() noexcept override { return below->shutdown_write(); }
    void close() noexcept override { below->close(); }
    void abort() noexcept override { below->abort(); }
    void release() noexcept override { delete this; }
    bool is_readable() noexcept override { return below->is_readable(); }
};

/// A peer that has sent data and half of a key update.
class half_sender {
public:
    half_sender(connection& from, connection& to, bool from_server, bool asks_for_one)
        : from_(from), to_(to), records_(told_secrets[from_server], from_server ? 2 : 0), asks_for_one_(asks_for_one)
    {
        send("before");
        inject(from, records_.message(std::string("\x18\0\0\1", 4)));
        auto* const counting = new counting_transport;
        counting->below = std::move(transport_of(to).below);
        transport_of(to).below = transport_ptr(counting);
        count_ = &counting->waits;
    }

    void send_rest()
    {
        inject(from_, records_.message(std::string(1, asks_for_one_ ? '\1' : '\0')));
        records_.update_key();
    }
    void send(const std::string& data) { inject(from_, records_.data(data)); }
    unsigned waits() const { return *count_; }
    connection& peer() { return from_; }
    connection& ours() { return to_; }

private:
    connection& from_;
    connection& to_;
    record_source records_;
    bool asks_for_one_;
    const unsigned* count_;
};

/// Runs `body(half, outside)` where we have read the data and the half, as each role, for each kind of update.
template <class Body>
void after_half_a_message(const Body& body)
{
    for (const bool ours_is_server : {false, true})
        for (const bool asks_for_one : {false, true}) {
            INFO((ours_is_server ? "server" : "client") << ", the peer asks for an update: " << asks_for_one);
            run_in_memory([&](context& own, memory_backend& outside) -> task<> {
                auto ends = connection_pair(own);
                const tls::client_context client = new_client();
                SSL_CTX* const settings = SSL_get_SSL_CTX(client.state()->open("localhost").get());
                SSL_CTX_set_keylog_callback(settings, note_secret);
                REQUIRE(SSL_CTX_set_ciphersuites(settings, "TLS_AES_128_GCM_SHA256") == 1);
                co_await when_all(tls::handshake(ends.first, client, "localhost"),
                                  tls::handshake(ends.second, the_server()));
                connection& hostile = ours_is_server ? ends.first : ends.second;
                connection& ours = ours_is_server ? ends.second : ends.first;
                half_sender half(hostile, ours, !ours_is_server, asks_for_one);
                const bytes before = co_await ours.read_some();
                CHECK(before == "before");
                co_await body(half, outside);
            });
        }
}

task<> write_then_note(connection& to, std::string_view data, bool& is_done)
{
    co_await to.write(bytes(data));
    is_done = true;
}

task<> read_then_note(connection& from, std::string& received)
{
    const bytes part = co_await from.read_some();
    received = part.text();
}

task<> expect_data(connection& from, std::string_view expected)
{
    const auto part = co_await from.read_exactly(expected.size());
    CHECK(part == bytes(expected));
}

} // namespace

TEST_CASE("TLS: a write behind half of a message to TLS itself waits without spinning until the rest has come")
{
    enum class reader { none, before, beside, abandoned, later };
    for (const reader when : {reader::none, reader::before, reader::beside, reader::abandoned, reader::later}) {
        CAPTURE(static_cast<int>(when));
        after_half_a_message([&](half_sender& half, memory_backend& outside) -> task<> {
            bool is_written = false;
            std::string received;
            co_await scope([&](task_group& group) -> task<> {
                if (when == reader::before)
                    group.spawn(read_then_note(half.ours(), received));
                co_await outside.settle();
                group.spawn(write_then_note(half.ours(), "answer", is_written));
                co_await outside.settle();
                CHECK(SSL_in_init(ssl_of(half.ours())) == 1);
                if (when == reader::beside)
                    group.spawn(read_then_note(half.ours(), received));
                if (when == reader::abandoned) {
                    const auto late = co_await as_result(with_deadline(0s, read_then_note(half.ours(), received)));
                    CHECK_FALSE(late);
                }
                co_await outside.settle();
                CHECK_FALSE(is_written);
                REQUIRE(half.waits() < 10);
                half.send_rest();
                co_await outside.settle();
                CHECK(is_written);
                CHECK(received.empty());
                if (when == reader::later || when == reader::abandoned)
                    group.spawn(read_then_note(half.ours(), received));
                half.send("behind");
                co_await outside.settle();
                CHECK(received == (when == reader::none ? "" : "behind"));
            });
            co_await expect_data(half.peer(), "answer");
            REQUIRE(half.waits() < 20);
        });
    }
}

TEST_CASE("TLS: data that comes behind the rest of a message, with it, is read while a write waits for that")
{
    after_half_a_message([](half_sender& half, memory_backend& outside) -> task<> {
        const std::string data = pattern(200'000); // more than the link holds
        bool is_written = false;
        std::string received;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(write_then_note(half.ours(), data, is_written));
            co_await outside.settle();
            REQUIRE(half.waits() < 10);
            group.spawn(read_then_note(half.ours(), received));
            co_await outside.settle();
            half.send_rest();
            half.send("with it");
            co_await outside.settle();
            CHECK(received == "with it");
            CHECK_FALSE(is_written);
            co_await expect_data(half.peer(), data);
        });
        CHECK(is_written);
    });
}

TEST_CASE("TLS: behind half of a message nothing is writable until the rest has come")
{
    after_half_a_message([](half_sender& half, memory_backend& outside) -> task<> {
        CHECK(half.ours().try_write("answer") == 0);
        bool is_writable = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn([&]() -> task<> {
                co_await half.ours().wait_writable();
                is_writable = true;
            });
            co_await outside.settle();
            CHECK_FALSE(is_writable);
            REQUIRE(half.waits() < 10);
            half.send_rest();
        });
        CHECK(is_writable);
        CHECK(half.ours().try_write("answer") == 6);
        co_await expect_data(half.peer(), "answer");
    });
}

TEST_CASE("TLS: a write behind half of a message ends at its deadline, when it is cancelled, and has sent nothing")
{
    after_half_a_message([](half_sender& half, memory_backend& outside) -> task<> {
        bool is_written = false;
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(write_then_note(half.ours(), "cancelled", is_written));
            co_await outside.settle();
            REQUIRE(half.waits() < 10);
            group.cancel();
        });
        CHECK_FALSE(is_written);
        outside.advance_when_idle();
        context& own = half.ours().owner();
        const time_point begin = own.now();
        const auto late = co_await as_result(with_deadline(1s, half.ours().write("late")));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        CHECK(own.now() - begin == 1s);
        REQUIRE(half.waits() < 20);
        half.send_rest();
        half.send("behind");
        co_await expect_data(half.ours(), "behind");
        co_await half.ours().write("answer");
        co_await expect_data(half.peer(), "answer");
    });
}

TEST_CASE("TLS: a write behind half of a message ends when the connection is closed here, or is cut off there")
{
    for (const bool is_ours : {false, true})
        after_half_a_message([&](half_sender& half, memory_backend& outside) -> task<> {
            std::error_code code;
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(expect_failure(write_to(half.ours(), "answer"), code));
                co_await outside.settle();
                REQUIRE(half.waits() < 10);
                CHECK_FALSE(code);
                if (is_ours)
                    half.ours().close();
                else
                    (void)transport_of(half.peer()).below->shutdown_write();
            });
            CHECK(code == (is_ours ? errc::closed : errc::truncated));
        });
}
