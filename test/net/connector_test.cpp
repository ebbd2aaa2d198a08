// connect: the addresses of a host in turn, and every way in which none of them answers.
#include "support/streams.hpp"

using namespace portico;
using namespace test;

namespace {

task<error> failure_of(task<connection> connecting)
{
    auto outcome = co_await as_result(std::move(connecting));
    REQUIRE_FALSE(outcome);
    co_return outcome.error();
}

template <class Body>
void on_every_backend(const Body& body)
{
    for (const stream_kind& kind : {stream_kinds()[0], stream_kinds()[2]}) {
        INFO(kind.name);
        context own(open_backend(kind));
        own.run(with_deadline(patience, body()));
    }
}

// A port at which nobody listens.
task<std::uint16_t> free_port()
{
    acceptor source = co_await listen(tcp("localhost", 0));
    co_return source.local_endpoints().front().port();
}

// A listener that nobody answers for: the system drops what asks to connect when the backlog is full.
class full_listener {
public:
    task<> fill()
    {
        listen_options options;
        options.backlog = 0;
        source_.emplace(co_await listen(tcp("127.0.0.1", 0), options));
        for (bool answered = true; answered;) {
            connect_options soon;
            soon.timeout = 20ms;
            auto attempt = co_await as_result(connect(where(), soon));
            answered = attempt.has_value();
            if (answered)
                queued_.push_back(std::move(*attempt));
        }
    }
    endpoint where() const { return source_->local_endpoints().front(); }

private:
    std::optional<acceptor> source_;
    std::vector<connection> queued_;
};

} // namespace

TEST_CASE("a refused connect says what was tried and why it failed")
{
    on_every_backend([]() -> task<> {
        const std::uint16_t port = co_await free_port();
        const error failure = co_await failure_of(connect(tcp("127.0.0.1", port)));
        CHECK(failure.code() == std::errc::connection_refused);
        CHECK(std::string(failure.what()) == "connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
        CHECK(failure.operation() == "connect to");
        CHECK(failure.phase() == phase::none);
    });
}

TEST_CASE("where every address of a host refuses, the error names each attempt")
{
    on_every_backend([]() -> task<> {
        const std::uint16_t port = co_await free_port();
        std::vector<endpoint> addresses = co_await resolve(tcp("localhost", port), resolve_query::family::ipv6);
        const auto others = co_await resolve(tcp("localhost", port), resolve_query::family::ipv4);
        addresses.insert(addresses.end(), others.begin(), others.end());
        const error failure = co_await failure_of(connect(tcp("localhost", port)));
        CHECK(failure.code() == std::errc::connection_refused);
        CHECK(failure.target() == "localhost:" + std::to_string(port));
        REQUIRE(failure.attempts().size() == addresses.size());
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            CHECK(failure.attempts()[i].target() == to_string(addresses[i]));
            CHECK(failure.attempts()[i].code() == std::errc::connection_refused);
            CHECK(std::string(failure.what()).find(to_string(addresses[i])) != std::string::npos);
        }
        CHECK(std::string(failure.what()).find('\n') == std::string::npos);
    });
}

TEST_CASE("where one address of a host refuses, the next is tried")
{
    context own(std::make_unique<memory_backend>()); // there localhost has two
    own.run([]() -> task<> {
        acceptor source = co_await listen(tcp("::1", 0));
        const std::uint16_t port = source.local_endpoints().front().port();
        connection made = co_await connect(tcp("localhost", port));
        CHECK(made.remote_endpoint() == source.local_endpoints().front());
        const connection accepted = co_await source.accept();
        CHECK(accepted.remote_endpoint() == made.local_endpoint());
    }());
}

TEST_CASE("a connect that nobody answers is late, in the phase that says so, and leaves nothing behind")
{
    context own;
    own.run(with_deadline(patience, []() -> task<> {
        full_listener full;
        co_await full.fill();
        connect_options soon;
        soon.timeout = 10ms;
        const error failure = co_await failure_of(connect(full.where(), soon));
        CHECK(failure.code() == errc::timed_out);
        CHECK(failure.phase() == phase::connect);
        CHECK(std::string(failure.what()) == "connect to " + to_string(full.where()) + ": timed out");
        const error by_address = co_await failure_of(connect(tcp("127.0.0.1", full.where().port()), soon));
        CHECK(by_address.code() == errc::timed_out);
        CHECK(by_address.phase() == phase::connect);

        const error whole = co_await failure_of(with_deadline(10ms, connect(full.where())));
        CHECK(whole.code() == errc::timed_out);
        CHECK(whole.phase() == phase::total);

        bool was_cancelled = false;
        const auto connect_and_tell = [&]() -> task<> {
            try {
                (void)co_await connect(full.where());
            } catch (const cancelled&) {
                was_cancelled = true;
                throw;
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(connect_and_tell());
            group.cancel();
            co_return;
        });
        CHECK(was_cancelled);
    }()));
}

TEST_CASE("an unknown host cannot be connected to, and the error names it")
{
    on_every_backend([]() -> task<> {
        const address nowhere = tcp("no-such-host.invalid", 80);
        const error failure = co_await failure_of(connect(nowhere));
        CHECK(failure.operation() == "resolve");
        CHECK(failure.target() == "no-such-host.invalid");
        CHECK(failure.code().category() == resolver_category());
    });
}

TEST_CASE("a connection that was made at once and one that had to wait both work")
{
    on_every_backend([]() -> task<> {
        acceptor source = co_await listen(tcp("localhost", 0));
        for (const endpoint& each : source.local_endpoints()) {
            connection near = co_await connect(each);
            connection far = co_await source.accept();
            CHECK(near.remote_endpoint() == each);
            co_await near.write("there");
            const auto there = co_await far.read_exactly(5);
            CHECK(there == "there");
        }
    });
}

TEST_CASE("what Python calls connect_ex: the error number arrives as a value")
{
    on_every_backend([]() -> task<> {
        const std::uint16_t port = co_await free_port();
        const auto outcome = co_await as_result(connect(tcp("127.0.0.1", port)));
        REQUIRE_FALSE(outcome);
        CHECK(outcome.error().code().value() == ECONNREFUSED);
        acceptor source = co_await listen(tcp("127.0.0.1", 0));
        const auto made = co_await as_result(connect(source.local_endpoints().front()));
        CHECK(made.has_value());
    });
}

TEST_CASE("a UDP address is no address to connect to")
{
    on_every_backend([]() -> task<> {
        CHECK_THROWS_AS(co_await connect(udp("127.0.0.1", 80)), misuse);
    });
}

TEST_CASE("the source address is the local one, an address of another family is passed over, and the error says so")
{
    on_every_backend([]() -> task<> {
        acceptor source = co_await listen(tcp("localhost", 0));
        connect_options options;
        options.source = endpoint::ipv4({127, 0, 0, 9}, 0);
        std::vector<endpoint> where = source.local_endpoints();
        const auto is_ipv4 = [](const endpoint& each) { return each.family() == endpoint::family::ipv4; };
        const endpoint ipv4 = *std::find_if(where.begin(), where.end(), is_ipv4);
        const connection near = co_await connect(tcp("localhost", ipv4.port()), options);
        CHECK(near.remote_endpoint() == ipv4);
        CHECK(address_text(near.local_endpoint()) == "127.0.0.9");
        const connection far = co_await source.accept();
        CHECK(far.remote_endpoint() == near.local_endpoint());

        const error failure = co_await failure_of(connect(tcp("::1", ipv4.port()), options));
        CHECK(failure.code() == std::errc::address_family_not_supported);
        CHECK(std::string(failure.what()) == "connect to [::1]:" + std::to_string(ipv4.port())
              + ": the source address 127.0.0.9:0 is of another family");
    });
}
