// server: a thousand clients of each bad kind at a time, and handlers of each bad kind, cannot stop it.
#include "support/servers.hpp"

#include <algorithm>
#include <array>
#include <malloc.h>
#include <portico/server/session_info.hpp>
#include <sys/resource.h>

using namespace portico;
using namespace test;

namespace {

constexpr auto longest = 60s; // a test, on a machine that has much else to do
constexpr auto idle_for = 2s; // the server's timeout
constexpr std::size_t crowd = 1000; // clients of a kind: as many as one address may have

enum kind : std::uint8_t { silent, slow_writer, slow_reader, half_open, resetting, kinds };

/// So that the system does not hold megabytes for each who reads nothing.
void make_small(const connection& peer)
{
    if (peer.native_handle() < 0)
        return;
    peer.options().set(option::send_buffer, 4096);
    peer.options().set(option::receive_buffer, 4096);
}

/// Answers a line; one that asks for much gets it without end.
task<> answer(connection& peer)
{
    static const std::string block = pattern(16 * 1024);
    const auto line = co_await peer.read_line();
    if (!line)
        co_return;
    if (*line == "much") {
        make_small(peer);
        for (;;)
            co_await peer.write(block);
    }
    co_await peer.write("served\n");
}

/// How many clients of each kind there can be when both their ends are of this process.
std::size_t crowd_size(const stream_kind& on)
{
    if (on.link)
        return crowd;
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * kinds * crowd + 200);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return (limit.rlim_cur - 200) / (2 * kinds);
}

task<> serve_once(const endpoint& where)
{
    connection client = co_await connect(where);
    co_await expect_service(client);
}

/// A server, the hostile clients around it, and a good one that is served again and again meanwhile.
class siege {
public:
    explicit siege(std::size_t size) : size_(size), which_(anywhere, answer, limits())
    {
        which_.on_accept([this](const connection& peer) {
            if (is_hostile(peer.remote_endpoint()))
                most_ = std::max(most_, ++open_);
        });
        which_.on_close([this](const closed_session& session) {
            if (!is_hostile(session.remote))
                return;
            --open_;
            if (session.how == session_end::timed_out)
                shortest_ = std::min(shortest_, session.length);
            ended_.set();
        });
    }

    server& target() noexcept { return which_; }
    std::size_t served() const noexcept { return served_; }
    std::size_t most() const noexcept { return most_; } // hostile ones at a time
    duration shortest() const noexcept { return shortest_; } // of those that were idle for too long

    /// The hostile ones come, do what they do, and stay until the server has had enough of the last.
    task<> run(const endpoint& where)
    {
        for (std::size_t index = 0; index < size_; ++index) {
            co_await come(where);
            if (index % 10 == 0)
                co_await serve_good(where);
        }
        for (std::size_t round = 0; round < 100; ++round) {
            write_slowly(round);
            co_await serve_good(where);
        }
        for (connection& each : clients_[resetting])
            each.abort();
        while (open_ != 0) {
            co_await ended_.wait();
            ended_.reset();
            co_await serve_good(where);
        }
        for (auto& each : clients_)
            each.clear();
        co_await serve_good(where);
    }

private:
    static server_options limits()
    {
        server_options options;
        options.timeout = idle_for;
        return options;
    }
    static bool is_hostile(const endpoint& peer) { return peer.address()[2] == 1; } // 127.0.1.*

    /// One of each kind, each kind from an address of its own.
    task<> come(const endpoint& where)
    {
        for (std::uint8_t each = 0; each < kinds; ++each) {
            connect_options from;
            from.source = endpoint::ipv4({127, 0, 1, each}, 0);
            clients_[each].push_back(co_await connect(where, from));
        }
        make_small(clients_[slow_reader].back());
        co_await clients_[slow_reader].back().write("much\n");
        for (const kind each : {half_open, resetting}) {
            connection& client = clients_[each].back();
            make_small(client);
            if (clients_[each].size() % 2 == 0)
                co_await client.write("much\n");
        }
        (void)clients_[half_open].back().shutdown_write();
    }

    /// A byte from each in ten of them; the end of the line never comes.
    void write_slowly(std::size_t round)
    {
        for (std::size_t index = round % 10; index < size_; index += 10) {
            try {
                clients_[slow_writer][index].try_write("x");
            } catch (const error&) { // it was too slow already
            }
        }
    }

    task<> serve_good(const endpoint& where)
    {
        co_await serve_once(where);
        ++served_;
    }

    const std::size_t size_;
    std::array<std::vector<connection>, kinds> clients_;
    std::size_t served_ = 0, open_ = 0, most_ = 0;
    duration shortest_ = no_timeout;
    event ended_; // a hostile one
    server which_;
};

} // namespace

TEST_CASE("slow readers and writers, half-open, reset and silent clients, 1,000 each, stop nobody and leave nothing")
{
    for (const stream_kind& on : {stream_kinds()[0], stream_kinds()[2]}) {
        INFO(on.name);
        const std::size_t size = crowd_size(on);
        CAPTURE(size);
        siege around(size);
        std::array<std::size_t, 2> held{};
        const auto test = [&](endpoints where) -> task<> {
            for (std::size_t& each : held) {
                co_await around.run(where.front());
                each = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
            }
        };
        {
            context own(open_backend(on));
            own.run(with_deadline(longest, while_serving(around.target(), test)));
        }
        const server_statistics numbers = around.target().statistics();
        CHECK(numbers.accepted == 2 * kinds * size + around.served());
        CHECK(numbers.accepted == numbers.served + numbers.lost + numbers.timed_out + numbers.cancelled);
        CHECK(numbers.open == 0);
        CHECK(numbers.handler_errors == 0);
        CHECK(numbers.accept_errors.total() == 0);
        CHECK(around.shortest() >= idle_for);
        if (!on.link) { // how many there are at a time is the machine's choice
            CHECK(held[1] < held[0] + 256 * 1024);
            continue;
        }
        CHECK(around.most() >= 4 * size + size / 2);
        CHECK(numbers.timed_out == 2 * (3 * size + size / 2));
        CHECK(numbers.lost == 2 * size);
        CHECK(numbers.served == 2 * (size / 2) + around.served());
    }
}

namespace {

/// Does as its client says.
class misbehaving {
public:
    task<> serve(connection& peer)
    {
        const auto line = co_await peer.read_line();
        const std::string wish = line ? std::string(line->text()) : std::string();
        if (wish == "throw")
            throw std::runtime_error("as it was told");
        if (wish == "wait")
            co_await never_.wait();
        if (wish == "spin")
            co_await spin();
        if (wish == "ignore")
            co_await ignore_everything();
        if (wish == "close")
            close_twice(peer);
        if (wish == "abort")
            abort_twice(peer);
        if (wish == "move")
            kept_.push_back(std::move(peer));
        if (wish == "now" || wish == "use")
            co_await peer.write("served\n");
        if (wish == "use") {
            peer.close();
            co_await peer.write("more\n");
        }
    }
    std::vector<connection>& kept() noexcept { return kept_; }

private:
    task<> spin()
    {
        always_.set();
        for (;;)
            co_await always_.wait();
    }
    task<> ignore_everything()
    {
        for (;;) {
            try {
                co_await never_.wait();
            } catch (...) {
            }
        }
    }
    static void close_twice(connection& peer)
    {
        peer.close();
        peer.close();
    }
    static void abort_twice(connection& peer)
    {
        peer.abort();
        peer.abort();
    }

    event never_, always_;
    std::vector<connection> kept_;
};

} // namespace

TEST_CASE("handlers that throw, never end, close or abort twice or move their connection away harm their own alone")
{
    constexpr std::size_t count = 20;
    const std::vector<std::string> wishes{"throw", "wait", "spin", "ignore", "close", "abort", "use", "move"};
    context own;
    misbehaving bad;
    server which(anywhere, [&](connection& peer) { return bad.serve(peer); });
    std::size_t failures = 0;
    which.on_error([&](const connection&, const std::exception_ptr&) { ++failures; });
    drain_report report;
    const auto test = [&](endpoints where) -> task<> {
        std::vector<connection> clients;
        while (clients.size() < count * wishes.size()) {
            const std::string& wish = wishes[clients.size() % wishes.size()];
            clients.push_back(co_await connect(where.front()));
            co_await clients.back().write(wish + "\n");
            co_await serve_once(where.front());
        }
        while (which.statistics().open != 3 * count) // those that never end
            co_await yield();
        REQUIRE(bad.kept().size() == count);
        for (connection& each : bad.kept())
            co_await each.write("from elsewhere\n");
        for (std::size_t i = wishes.size() - 1; i < clients.size(); i += wishes.size()) {
            const auto line = co_await clients[i].read_line();
            CHECK((line && *line == "from elsewhere"));
        }
        report = co_await which.drain(0s, 200ms);
        bad.kept().clear();
    };
    own.run(with_deadline(longest, while_serving(which, test)));
    const server_statistics numbers = which.statistics();
    CHECK(failures == 2 * count); // "throw" and "use"
    CHECK(numbers.handler_errors == 2 * count);
    CHECK(report.finished == 0);
    CHECK(report.cancelled + report.aborted == 3 * count);
    CHECK(report.aborted >= count); // "ignore"
    CHECK(numbers.accepted == 2 * count * wishes.size());
    CHECK(numbers.served == (3 + wishes.size()) * count); // "close", "abort", "move", and the good ones
    CHECK(numbers.cancelled + numbers.aborted == 3 * count);
    CHECK(numbers.open == 0);
}

TEST_CASE("while a thousand connections are queued, one that is open is served after every hundred of them at most")
{
    memory_world world;
    server which(anywhere, [](connection& peer) -> task<> {
        for (;;) {
            const auto line = co_await peer.read_line();
            if (!line)
                co_return;
            co_await peer.write("served\n");
        }
    });
    constexpr std::size_t count = 1000;
    std::vector<std::uint64_t> accepted; // at each answer
    const auto ask_again_and_again = [&](connection& client) -> task<> {
        while (which.statistics().accepted < 1 + count) {
            co_await expect_service(client);
            accepted.push_back(which.statistics().accepted);
        }
    };
    const auto test = [&]() -> task<> {
        acceptor source = co_await which.listen();
        const std::vector<endpoint> where = source.local_endpoints();
        connection open = co_await connect(where.front());
        const std::vector<connection> queued = co_await connect_several(where, count);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(ask_again_and_again(open));
            group.spawn(which.run(std::move(source)));
            while (which.statistics().accepted < 1 + count)
                co_await yield();
            group.cancel();
        });
    };
    world.own.run(test());
    REQUIRE(accepted.size() > count / 100);
    for (std::size_t i = 1; i < accepted.size(); ++i)
        CHECK(accepted[i] - accepted[i - 1] <= 100);
}
