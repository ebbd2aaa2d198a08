// tls_transport: encrypts and decrypts between a connection and the transport below. OpenSSL reads from that by a BIO
// of ours and writes into a queue, which the transport sends by itself when it can: so a write that is abandoned leaves
// whole records behind, and OpenSSL never has to be given the same bytes again.
#pragma once

#include "client_state.hpp"
#include "output_queue.hpp"
#include "server_state.hpp"
#include "verification.hpp"

#include <portico/core/context.hpp>
#include <portico/net/layered_transport.hpp>

namespace portico::inline v0_1::tls::detail {

/// What is needed until the handshake is done.
struct handshake_state {
    handshake_state(std::string whom, verification expected) : target(std::move(whom)), peer(std::move(expected)) {}

    std::string target; ///< of an error
    verification peer;
    std::shared_ptr<server_state> server; ///< of a server
    std::shared_ptr<const credentials> shown;
};

/// What a client needs for the sessions that its peer may give at any time.
struct session_origin {
    std::shared_ptr<client_state> client;
    std::string key;
};

class tls_transport final : public layered_transport,
                            public portico::detail::pooled,
                            private portico::detail::task_owner {
public:
    /// `received`: what the transport below has given to others before.
    tls_transport(context& own, ssl_pointer ssl, std::string received, std::unique_ptr<handshake_state> handshake,
                  std::unique_ptr<session_origin> origin);

    /// Goes on with the handshake: `done` when the peer is verified. It waits for reading alone.
    io_result try_handshake() noexcept;
    /// After `done`, and whatever else there is to check.
    void establish() noexcept;
    bool has_failed() const noexcept { return failure_ != 0; }
    /// Why the peer is none to talk to.
    std::shared_ptr<const error> handshake_failure() const;
    /// The transport below, without which this one is of no more use.
    transport_ptr give_up() noexcept;
    const std::string& target() const noexcept { return handshake_->target; }

    /// What a handshake has agreed on, where it is done.
    SSL* established() const noexcept { return established_ ? ssl_.get() : nullptr; }
    handshake_state* handshaking() const noexcept { return handshake_.get(); }
    session_origin* origin() const noexcept { return origin_.get(); }
    /// For SSL_CTX_set_verify(3).
    static int on_verify(int is_good, X509_STORE_CTX* chain) noexcept;
    static tls_transport& of(const SSL* ssl) noexcept { return *static_cast<tls_transport*>(SSL_get_app_data(ssl)); }

    io_result try_read(std::span<char> destination) noexcept override;
    io_result try_write(std::span<const bytes> buffers) noexcept override;
    io_result try_write_file(int file, std::uint64_t offset, std::size_t count) noexcept override;
    void wait(direction which, operation& waiter) noexcept override;
    void abandon(direction which) noexcept override;
    std::error_code connect_result() noexcept override { return {}; }
    std::error_code shutdown_write() noexcept override;
    void close() noexcept override;
    void abort() noexcept override;
    void release() noexcept override;
    bool is_readable() noexcept override;
    std::string failure_detail() const override { return failure_detail_; }

private:
    class sending;
    friend struct bio;
    ~tls_transport() override;

    using reader = int (*)(SSL*, void*, std::size_t, std::size_t*); // SSL_read_ex or SSL_peek_ex
    void begin_try() noexcept;
    io_result decrypt(reader read, std::span<char> destination, std::size_t& count) noexcept;
    io_result peek() noexcept;
    io_result outcome_of(int returned) noexcept;
    io_result fail(int code, std::string detail) noexcept;
    io_result fail_by_queue() noexcept;
    std::size_t encrypt(std::span<const bytes> buffers) noexcept;
    bool pass_on() noexcept;
    bool flush() noexcept;
    void start_sending() noexcept;
    void stop_sending() noexcept;
    void stop_waiting() noexcept;
    void wake() noexcept;
    /// OpenSSL has a part of a message to it (a key update, a session), and writes nothing until it has read the rest.
    bool is_in_message() const noexcept { return established_ && failure_ == 0 && SSL_in_init(ssl_.get()) != 0; }
    task<> send();
    void on_done(portico::detail::promise_base& ended) noexcept override;
    int read_from_below(char* to, std::size_t size) noexcept;
    int write_below(const char* from, std::size_t size) noexcept;

    ssl_pointer ssl_;
    std::string received_; // before, and not read by OpenSSL yet
    std::unique_ptr<handshake_state> handshake_; // null once it is done
    std::unique_ptr<session_origin> origin_;
    output_queue output_;
    cancel_scope scope_;
    portico::detail::promise_base* sender_ = nullptr; // waits until the transport below takes more
    operation* reading_ = nullptr; // waits for the transport below
    operation* reader_ = nullptr;  // waits for the sender, which reads, or has to send before OpenSSL reads on
    operation* writer_ = nullptr;  // waits for the sender
    std::string failure_detail_;
    int failure_ = 0;       // of everything, as io_result::code has it
    int read_failure_ = 0;  // of the transport below
    int write_failure_ = 0; // the same
    std::size_t taken_below_ = 0; // by the last try
    bool established_ = false;
    bool ended_below_ = false;
    bool drained_below_ = false;   // another read of it would find nothing
    bool undelivered_ = false;     // the last read left something decrypted, or to be decrypted
    bool output_is_full_ = false;  // OpenSSL could not write
    bool unsent_below_ = false;    // the transport below has kept a part itself
    bool sender_reads_ = false;    // the sender waits for reading, for the sake of a writer: see `is_in_message`
    bool shutdown_below_ = false;  // to be done when everything is passed on
};

} // namespace portico::tls::detail
