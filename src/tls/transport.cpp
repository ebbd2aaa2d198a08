// tls_transport: see transport.hpp.
#include "transport.hpp"

#include "peer_failure.hpp"
#include "record_maker.hpp"

#include <array>
#include <cerrno>
#include <portico/tls/certificate_error.hpp>
#include <unistd.h>

namespace portico::inline v0_1::tls::detail {

namespace {

constexpr std::size_t record_overhead = 64;           // or less (RFC 8446 section 5.2, RFC 5246 section 6.2.3)
constexpr std::size_t most_a_write = 4 * record_size; // is encrypted before it is sent
constexpr std::size_t most_a_try = 64 * 1024;         // is read from below: what is no data can go on and on
constexpr std::size_t most_unasked = 128 * 1024;      // answers to a peer that does not read them

int negated(errc code) noexcept
{
    return -static_cast<int>(code);
}

} // namespace

/// The BIO through which OpenSSL sees the transport below.
struct bio {
    static tls_transport& of(BIO* which) noexcept { return *static_cast<tls_transport*>(BIO_get_data(which)); }
    static int read(BIO* which, char* to, int size) noexcept
    {
        BIO_clear_retry_flags(which);
        const int count = of(which).read_from_below(to, static_cast<std::size_t>(size));
        if (count < 0 && of(which).read_failure_ == 0)
            BIO_set_retry_read(which);
        return count;
    }
    static int write(BIO* which, const char* from, int size) noexcept
    {
        BIO_clear_retry_flags(which);
        const int count = of(which).write_below(from, static_cast<std::size_t>(size));
        if (count < 0 && of(which).write_failure_ == 0)
            BIO_set_retry_write(which);
        return count;
    }
    static long control(BIO* which, int what, long, void*) noexcept
    {
        switch (what) {
        case BIO_CTRL_FLUSH: return 1;
        case BIO_CTRL_EOF: return of(which).ended_below_ ? 1 : 0;
        default: return 0;
        }
    }
    static BIO* make(tls_transport& over)
    {
        static BIO_METHOD* const method = [] { // for the whole of the program: connections may outlive `main`
            const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
            BIO_METHOD* const made = check(BIO_meth_new(type, "portico transport"));
            BIO_meth_set_read(made, read);
            BIO_meth_set_write(made, write);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        BIO* const made = check(BIO_new(method));
        BIO_set_data(made, &over);
        BIO_set_init(made, 1);
        return made;
    }
};

/// Waits for the transport below once, and then until everything is passed on, or that has failed.
class tls_transport::sending final : public operation {
public:
    explicit sending(tls_transport& own) noexcept : own_(own) {}
    ~sending() { abandon(); }
    void value() const noexcept {}

private:
    bool attempt() noexcept override { return std::exchange(waited_, true) && own_.pass_on(); }
    void arm() noexcept override { own_.below->wait(where(), *this); }
    void disarm() noexcept override { own_.below->abandon(where()); }
    direction where() const noexcept { return own_.sender_reads_ ? direction::read : direction::write; }
    bool watch_deadline() noexcept override { return false; }
    error describe(std::error_code code) const override { return {code, "write to"}; }

    tls_transport& own_;
    bool waited_ = false;
};

tls_transport::tls_transport(context& own, ssl_pointer ssl, std::string received,
                             std::unique_ptr<handshake_state> handshake, std::unique_ptr<session_origin> origin)
    : ssl_(std::move(ssl)), received_(std::move(received)), handshake_(std::move(handshake)),
      origin_(std::move(origin)), scope_(own.root(), no_timeout, cancel_scope::shielding::on)
{
    BIO* const made = bio::make(*this);
    SSL_set_bio(ssl_.get(), made, made);
    SSL_set_app_data(ssl_.get(), this);
}

tls_transport::~tls_transport()
{
    // So that OpenSSL lets its session be resumed; that a stream was cut has nothing to do with that.
    if (established_ && failure_ == 0)
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

int tls_transport::on_verify(int is_good, X509_STORE_CTX* chain) noexcept
{
    const void* const ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    handshake_state* const state = of(static_cast<const SSL*>(ssl)).handshaking();
    return state != nullptr && state->peer.on_verify(is_good == 1, *chain) ? 1 : 0;
}

int tls_transport::read_from_below(char* to, std::size_t size) noexcept
{
    if (!received_.empty()) {
        const std::size_t count = received_.copy(to, size);
        received_.erase(0, count);
        return static_cast<int>(count);
    }
    if (drained_below_ || taken_below_ >= most_a_try)
        return -1;
    const io_result got = below->try_read({to, size});
    switch (got.status) {
    case io_status::done:
        drained_below_ = got.drained;
        taken_below_ += got.count;
        return static_cast<int>(got.count);
    case io_status::end: ended_below_ = true; return 0;
    case io_status::would_block: drained_below_ = true; return -1;
    case io_status::failed: read_failure_ = got.code; return -1;
    }
    return -1;
}

int tls_transport::write_below(const char* from, std::size_t size) noexcept
{
    if (output_.view().size() > most_a_write + most_unasked)
        return -1;
    if (!output_.append({from, size})) {
        write_failure_ = ENOMEM;
        return -1;
    }
    return static_cast<int>(size);
}

io_result tls_transport::fail(int code, std::string detail) noexcept
{
    failure_ = code;
    failure_detail_ = std::move(detail);
    return {io_status::failed, 0, code};
}

io_result tls_transport::fail_by_queue() noexcept
{
    try {
        peer_failure found = describe_failure(ERR_get_error(), established_);
        return fail(negated(found.code), std::move(found.detail));
    } catch (...) {
        return fail(ENOMEM, {});
    }
}

// Of an SSL_ function that has not succeeded.
io_result tls_transport::outcome_of(int returned) noexcept
{
    switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_WRITE: output_is_full_ = true; return {io_status::would_block};
    case SSL_ERROR_WANT_READ: return {io_status::would_block};
    case SSL_ERROR_ZERO_RETURN: return {io_status::end};
    default: break;
    }
    if (read_failure_ != 0)
        return fail(read_failure_, {});
    if (write_failure_ != 0)
        return fail(write_failure_, {});
    return fail_by_queue();
}

// The transport below may have more by now.
void tls_transport::begin_try() noexcept
{
    forget_errors();
    drained_below_ = false;
    taken_below_ = 0;
}

io_result tls_transport::try_handshake() noexcept
{
    begin_try();
    reading_ = nullptr;
    io_result outcome;
    do {
        output_is_full_ = false;
        const int done = SSL_do_handshake(ssl_.get());
        outcome = done == 1 ? io_result{io_status::done} : outcome_of(done);
    } while (flush() && output_is_full_); // what is flushed may be an alert, too
    if (outcome.status == io_status::end) // close_notify, which anybody can send before the keys are agreed on
        return fail_by_queue();
    undelivered_ = taken_below_ >= most_a_try;
    return outcome;
}

void tls_transport::establish() noexcept
{
    established_ = true;
    undelivered_ = SSL_has_pending(ssl_.get()) != 0 || !received_.empty();
    handshake_.reset();
}

// As much as there is, and what came in place of more.
io_result tls_transport::decrypt(reader read, std::span<char> destination, std::size_t& count) noexcept
{
    begin_try();
    io_result outcome{io_status::done};
    do {
        output_is_full_ = false;
        std::size_t got = 0;
        const int done = read(ssl_.get(), destination.data() + count, destination.size() - count, &got);
        outcome = done == 1 ? io_result{io_status::done} : outcome_of(done);
        count += got;
        if (!output_.empty() && flush() && output_is_full_) // OpenSSL had to answer first
            outcome = {io_status::done};
    } while (count < destination.size() && outcome.status == io_status::done);
    undelivered_ = outcome.status != io_status::would_block || taken_below_ >= most_a_try || output_is_full_;
    if (sender_reads_ && !is_in_message()) {
        stop_sending();
        wake();
    }
    if (undelivered_ && reading_ != nullptr) { // it was a writer who has read
        below->abandon(direction::read);
        std::exchange(reading_, nullptr)->ready_later();
    }
    return outcome;
}

// Has OpenSSL work through what has come, and leaves the data there.
io_result tls_transport::peek() noexcept
{
    char next = 0;
    std::size_t count = 0;
    return decrypt(SSL_peek_ex, {&next, 1}, count);
}

io_result tls_transport::try_read(std::span<char> destination) noexcept
{
    if (failure_ != 0)
        return {io_status::failed, 0, failure_};
    if (!established_)
        return {io_status::failed, 0, ENOTCONN};
    reading_ = nullptr;
    std::size_t count = 0;
    const io_result outcome = decrypt(SSL_read_ex, destination, count);
    // Also where it is only enough for one try, so that others have their turn before the rest.
    return count == 0 ? outcome : io_result{io_status::done, count, 0, outcome.status == io_status::would_block};
}

bool tls_transport::is_readable() noexcept
{
    reading_ = nullptr;
    return failure_ != 0 || peek().status != io_status::would_block;
}

// Encrypts some of it, into the queue; all that is counted is there.
std::size_t tls_transport::encrypt(std::span<const bytes> buffers) noexcept
{
    std::size_t wanted = 0;
    for (const bytes& each : buffers)
        wanted = std::min(wanted + each.size(), most_a_write);
    if (!output_.reserve(wanted + (wanted / record_size + 1) * record_overhead)) {
        write_failure_ = ENOMEM;
        return 0;
    }
    record_maker records(buffers);
    std::size_t count = 0;
    while (count < wanted) {
        const bytes record = records.next();
        std::size_t written = 0;
        const int done = SSL_write_ex(ssl_.get(), record.data(), record.size(), &written);
        if (done != 1) {
            outcome_of(done);
            break;
        }
        count += written;
    }
    return count;
}

io_result tls_transport::try_write(std::span<const bytes> buffers) noexcept
{
    if (!established_)
        return {io_status::failed, 0, ENOTCONN};
    if (!flush() && write_failure_ == 0)
        return {io_status::would_block};
    if (write_failure_ != 0)
        return {io_status::failed, 0, write_failure_};
    if (failure_ != 0)
        return {io_status::failed, 0, failure_};
    if (buffers.empty() || buffers.front().empty())
        return {io_status::done};
    if ((SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0)
        return {io_status::failed, 0, EPIPE};
    if (is_in_message()) {
        peek();
        if (failure_ != 0)
            return {io_status::failed, 0, failure_};
        if (is_in_message() || !flush())
            return {io_status::would_block};
    }
    forget_errors();
    output_is_full_ = false;
    const std::size_t count = encrypt(buffers);
    const bool is_sent = flush();
    if (count != 0)
        return {io_status::done, count, 0, false, !is_sent};
    const int code = write_failure_ != 0 ? write_failure_ : failure_;
    return code != 0 ? io_result{io_status::failed, 0, code} : io_result{io_status::would_block};
}

io_result tls_transport::try_write_file(int file, std::uint64_t offset, std::size_t count) noexcept
{
    std::array<char, record_size> data;
    ssize_t got;
    do
        got = ::pread(file, data.data(), std::min(count, data.size()), static_cast<off_t>(offset));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return {io_status::failed, 0, errno};
    if (got == 0)
        return {io_status::end};
    const bytes read(data.data(), static_cast<std::size_t>(got));
    return try_write({&read, 1});
}

// Passes on what is encrypted; true when that is all, or it has failed.
bool tls_transport::pass_on() noexcept
{
    while ((!output_.empty() || unsent_below_) && write_failure_ == 0) {
        const bytes rest = output_.view();
        const io_result sent = below->try_write({&rest, 1});
        if (sent.status == io_status::would_block)
            return false;
        if (sent.status == io_status::failed)
            write_failure_ = sent.code;
        else
            output_.consume(sent.count);
        unsent_below_ = sent.unsent;
    }
    return true;
}

// True when all is passed on; what is not, the sender passes on, or it has failed.
bool tls_transport::flush() noexcept
{
    if (!pass_on()) {
        if (sender_reads_) // there is something to be written first
            stop_sending();
        start_sending();
    }
    return output_.empty() && !unsent_below_ && write_failure_ == 0;
}

task<> tls_transport::send()
{
    co_await sending(*this);
}

void tls_transport::start_sending() noexcept
{
    if (sender_ != nullptr)
        return;
    sender_reads_ = is_in_message() && output_.empty();
    if (sender_reads_ && reading_ != nullptr) { // the sender wakes that one, too
        below->abandon(direction::read);
        reader_ = std::exchange(reading_, nullptr);
    }
    try {
        portico::detail::promise_base& root = send().release().promise();
        root.owner = this;
        root.scope = &scope_;
        sender_ = &root;
        portico::detail::resume(root);
    } catch (const std::bad_alloc&) {
        write_failure_ = ENOMEM;
        sender_reads_ = false;
        wake();
    }
}

void tls_transport::stop_sending() noexcept
{
    if (sender_ != nullptr)
        std::exchange(sender_, nullptr)->handle().destroy();
    sender_reads_ = false;
}

void tls_transport::wake() noexcept
{
    for (operation** const each : {&reader_, &writer_})
        if (operation* const waiter = std::exchange(*each, nullptr))
            waiter->ready_later();
}

void tls_transport::on_done(portico::detail::promise_base&) noexcept
{
    stop_sending();
    if (std::exchange(shutdown_below_, false) && write_failure_ == 0)
        write_failure_ = below->shutdown_write().value();
    wake();
}

void tls_transport::wait(direction which, operation& waiter) noexcept
{
    if (which == direction::write) {
        writer_ = &waiter;
        start_sending();
        return;
    }
    if (output_.empty())
        output_.release(); // idle
    if (sender_ != nullptr && (sender_reads_ || output_is_full_)) {
        reader_ = &waiter;
    } else if (undelivered_) {
        waiter.ready_later();
    } else {
        reading_ = &waiter;
        below->wait(direction::read, waiter);
    }
}

void tls_transport::abandon(direction which) noexcept
{
    if (which == direction::write) {
        writer_ = nullptr;
    } else {
        reader_ = nullptr;
        if (std::exchange(reading_, nullptr) != nullptr)
            below->abandon(direction::read);
    }
}

std::error_code tls_transport::shutdown_write() noexcept
{
    const bool is_shut_down = (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0; // another one would read
    if (established_ && failure_ == 0 && !is_shut_down) {
        SSL_shutdown(ssl_.get());
        ERR_clear_error();
    }
    if (flush())
        return below->shutdown_write();
    if (write_failure_ != 0)
        return {write_failure_, std::system_category()};
    shutdown_below_ = true;
    return std::make_error_code(std::errc::operation_in_progress);
}

// The connection tells those who read and write that it is closed, but knows of no handshake.
void tls_transport::stop_waiting() noexcept
{
    stop_sending();
    operation* const waiter = reading_ != nullptr ? reading_ : reader_;
    reading_ = reader_ = writer_ = nullptr;
    if (waiter != nullptr && !established_)
        waiter->ready_later();
}

void tls_transport::close() noexcept
{
    stop_waiting();
    if (below)
        below->close();
}

void tls_transport::abort() noexcept
{
    stop_waiting();
    if (below)
        below->abort();
}

void tls_transport::release() noexcept
{
    close();
    delete this;
}

transport_ptr tls_transport::give_up() noexcept
{
    stop_sending();
    return std::move(below);
}

std::shared_ptr<const error> tls_transport::handshake_failure() const
{
    const char* const operation = "TLS handshake with";
    const std::string& target = handshake_->target;
    const verification& peer = handshake_->peer;
    if (!peer.fault().empty())
        return std::make_shared<const certificate_error>(operation, target, peer.fault(), peer.reason());
    if (failure_ == 0 || failure_ == negated(errc::untrusted))
        return std::make_shared<const certificate_error>(
            operation, target, failure_ == 0 ? "the peer has not shown who it is" : failure_detail_, 0);
    if (failure_ == negated(errc::malformed) || failure_ == negated(errc::truncated))
        return std::make_shared<const protocol_error>(static_cast<errc>(-failure_), operation, failure_detail_, target);
    const std::error_code code = failure_ < 0 ? make_error_code(static_cast<errc>(-failure_))
                                              : std::error_code(failure_, std::system_category());
    return std::make_shared<const error>(code, operation, target, phase::none, failure_detail_);
}

} // namespace portico::tls::detail
