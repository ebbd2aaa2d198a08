// exchange: see exchange.hpp.
#include <portico/http/exchange.hpp>

#include <algorithm>
#include <portico/core/deadline.hpp>
#include <portico/version.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

using event = response_parser::event;

enum class progress { more, pause, complete, unwanted };

// Gives `into` all that the input tells.
progress deliver(response_parser& parser, bytes& input, receiver& into)
{
    for (;;) {
        const event found = parser.next(input);
        switch (found) {
        case event::need_more: return into.is_done() ? progress::unwanted : progress::more;
        case event::interim: into.on_interim(parser.head()); break;
        case event::head: into.on_head(parser.head()); break;
        case event::data:
            into.on_data(parser.data());
            if (into.go_on())
                return progress::pause;
            break;
        case event::end: into.on_end(parser.trailers()); return progress::complete;
        }
    }
}

/// Says when more may be taken and how much, and fails where too little comes.
class pacer {
public:
    pacer(pace speed, time_point now) : speed_(speed), begin_(now), window_begin_(now) {}

    /// How long nothing is to be read.
    duration pause(time_point now) const
    {
        if (speed_.most == 0)
            return {};
        const double due = static_cast<double>(taken_) / static_cast<double>(speed_.most);
        return std::chrono::duration_cast<duration>(std::chrono::duration<double>(due)) - (now - begin_);
    }
    /// How much may be read at once: a tenth of a second's worth.
    std::size_t share(std::size_t limit) const
    {
        return speed_.most == 0 ? limit : std::clamp<std::size_t>(speed_.most / 10, 1, limit);
    }
    /// How long a read may take.
    duration patience(duration otherwise, time_point now) const
    {
        return speed_.least == 0 ? otherwise : std::min(otherwise, time_left(window_begin_ + speed_.window, now));
    }
    void took(std::uint64_t count)
    {
        taken_ += count;
        in_window_ += count;
    }
    void check(time_point now, const connection& peer)
    {
        if (speed_.least == 0 || now - window_begin_ < speed_.window)
            return;
        const auto seconds = std::chrono::duration<double>(speed_.window).count();
        if (static_cast<double>(in_window_) < static_cast<double>(speed_.least) * seconds)
            throw error(errc::timed_out, "read from", to_string(peer.remote_endpoint()), phase::read,
                        "fewer than " + std::to_string(speed_.least) + " bytes a second came");
        window_begin_ = now;
        in_window_ = 0;
    }

private:
    pace speed_;
    time_point begin_, window_begin_;
    std::uint64_t taken_ = 0, in_window_ = 0;
};

class exchanging {
public:
    exchanging(connection& peer, const request& what, receiver& into, exchange_options how)
        : peer_(peer), what_(what), into_(into), parser_(what.method(), how.most, how.parsing), speed_(how.speed),
          pacer_(speed_, peer.owner().now()), patience_(peer.timeout())
    {}
    ~exchanging() { peer_.timeout(patience_); }

    task<reuse> run()
    {
        const std::string head = what_.serialise();
        co_await peer_.write(head);
        pacer_ = pacer(speed_, peer_.owner().now());
        for (;;) {
            bytes input;
            const bool moved = co_await move_directly();
            if (moved && parser_.body_ahead() != 0)
                continue;
            if (!moved) { // else the body may have ended with what was moved
                co_await keep_pace();
                const auto got = co_await as_result(peer_.read_some(pacer_.share(context::buffer_size)));
                if (!is_there(got))
                    continue;
                input = *got;
                pacer_.took(input.size());
                if (input.empty())
                    parser_.finish();
            }
            progress now = deliver(parser_, input, into_);
            while (now == progress::pause) {
                co_await yield();
                if (!into_.go_on())
                    now = deliver(parser_, input, into_);
            }
            if (now != progress::more)
                co_return now == progress::complete && parser_.reusable() && input.empty() ? reuse::yes : reuse::no;
        }
    }

private:
    static constexpr std::uint64_t worth_moving = 64 * 1024;

    task<> keep_pace()
    {
        const duration pause = pacer_.pause(peer_.owner().now());
        if (pause > duration::zero())
            co_await sleep_for(pause);
        peer_.timeout(pacer_.patience(patience_, peer_.owner().now()));
    }
    /// A read that was late because a window has ended is not a failure, if enough has come in it.
    template <class Result>
    bool is_there(const Result& got)
    {
        const time_point now = peer_.owner().now();
        if (got) {
            pacer_.check(now, peer_);
            return true;
        }
        if (got.error().code() != errc::timed_out || peer_.timeout() == patience_)
            got.error().raise();
        pacer_.check(now, peer_);
        return false;
    }
    /// Moves what it can past us; false where that is nothing.
    task<bool> move_directly()
    {
        if (!may_move_ || peer_.buffered() != 0 || parser_.body_ahead() < worth_moving)
            co_return false;
        const int output = into_.direct_output();
        if (output < 0)
            co_return false;
        co_await keep_pace();
        const auto share = static_cast<std::uint64_t>(pacer_.share(most_at_once));
        const auto got = co_await as_result(peer_.read_to_file(output, std::min(parser_.body_ahead(), share)));
        if (!got && got.error().code() == std::errc::operation_not_supported) {
            may_move_ = false;
            co_return false;
        }
        if (got && *got == 0) // the end of the stream: reading it again says what that means
            co_return false;
        if (got) {
            pacer_.took(*got);
            parser_.body_taken(*got);
            into_.on_moved(*got); // before anything can fail: the bytes are in the file
        }
        (void)is_there(got);
        co_return true;
    }

    static constexpr std::size_t most_at_once = 64 * 1024 * 1024;

    connection& peer_;
    const request& what_;
    receiver& into_;
    response_parser parser_;
    pace speed_;
    pacer pacer_;
    duration patience_;
    bool may_move_ = true;
};

task<> get_once(connection& peer, const request& what, const receiver_maker& into)
{
    const std::unique_ptr<receiver> receiving = into(peer.owner());
    co_await exchange(peer, what, *receiving);
    (void)peer.shutdown_write(); // to a peer of TLS a bare close is a stream that was cut
    peer.close();
}

} // namespace

task<reuse> exchange(connection& peer, const request& what, receiver& into, exchange_options how)
{
    exchanging all(peer, what, into, how);
    co_return co_await all.run();
}

handler get(const url& what, receiver_maker into)
{
    request asking("GET", what);
    asking.fields().add("User-Agent", std::string("portico/") + version);
    asking.fields().add("Accept", "*/*");
    asking.fields().add("Connection", "close");
    return [asking = std::move(asking), into = std::move(into)](connection& peer) { return get_once(peer, asking, into); };
}

} // namespace portico::http
