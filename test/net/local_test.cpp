// Unix sockets: paths and abstract names, files that are left behind, who may connect, who is there, descriptors.
#include "support/streams.hpp"

#include <algorithm>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace portico;
using namespace test;

namespace {

namespace fs = std::filesystem;

/// A folder of its own, gone with it.
class folder {
public:
    folder() { REQUIRE(::mkdtemp(name_.data()) != nullptr); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { fs::remove_all(name_); }
    std::string operator/(const char* file) const { return name_ + "/" + file; }

private:
    std::string name_ = (fs::temp_directory_path() / "portico-XXXXXX").string();
};

template <class Body>
void run_on_system(const Body& body)
{
    context own;
    own.run(with_deadline(patience, body(own)));
}

mode_t mode_of(const std::string& path)
{
    struct stat found{};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found.st_mode & 0777;
}

task<> expect_greeting(address where, std::string text)
{
    connection client = co_await connect(where);
    const bytes got = co_await client.read_all(100);
    CHECK(got.text() == text);
}

task<> greet(acceptor& source, std::string text)
{
    connection peer = co_await source.accept();
    co_await peer.write(text);
}

task<> meet(acceptor& source, address where, std::string text)
{
    co_await when_all(greet(source, text), expect_greeting(where, text));
}

std::error_code code_of(result<acceptor> outcome)
{
    REQUIRE_FALSE(outcome);
    return outcome.error().code();
}

} // namespace

TEST_CASE("a Unix socket listens at a path, and its file is gone when the acceptor closes")
{
    const folder here;
    const std::string path = here / "socket";
    run_on_system([&](context&) -> task<> {
        acceptor source = co_await listen(local(path));
        CHECK(to_string(source.local_endpoints().front()) == "unix:" + path);
        CHECK(fs::is_socket(path));
        co_await meet(source, local(path), "hello");
        source.close();
        CHECK_FALSE(fs::exists(path));
        auto refused = co_await as_result(connect(local(path)));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(refused.error().what()) == "connect to unix:" + path + ": No such file or directory");
    });
}

TEST_CASE("an abstract name has no file, and is free again when the acceptor closes")
{
    run_on_system([&](context&) -> task<> {
        for (int round = 0; round < 2; ++round) {
            acceptor source = co_await listen(local(own_name()));
            CHECK(to_string(source.local_endpoints().front()) == "unix:" + own_name());
            co_await meet(source, local(own_name()), "hello");
        }
    });
}

TEST_CASE("the file of a server that is gone is replaced")
{
    const folder here;
    const std::string path = here / "socket";
    run_on_system([&](context& own) -> task<> {
        {
            acceptor gone = listen(own, endpoint::local(path));
            for (const int each : gone.release()) // as if it had been killed
                ::close(each);
        }
        CHECK(fs::is_socket(path));
        acceptor source = co_await listen(local(path));
        co_await meet(source, local(path), "replaced");
    });
}

TEST_CASE("a path at which somebody listens, or that is no socket, is in use and stays as it is")
{
    const folder here;
    const std::string path = here / "socket", file = here / "file";
    std::ofstream(file) << "content";
    run_on_system([&](context&) -> task<> {
        acceptor source = co_await listen(local(path));
        auto second = co_await as_result(listen(local(path)));
        CHECK(code_of(std::move(second)) == std::errc::address_in_use);
        auto over_file = co_await as_result(listen(local(file)));
        CHECK(code_of(std::move(over_file)) == std::errc::address_in_use);
        CHECK(fs::file_size(file) == 7);
        co_await meet(source, local(path), "still here");
    });
}

TEST_CASE("an acceptor does not remove a file that another server has put in place of its own")
{
    const folder here;
    const std::string path = here / "socket";
    run_on_system([&](context& own) -> task<> {
        acceptor first = listen(own, endpoint::local(path));
        fs::remove(path);
        acceptor second = listen(own, endpoint::local(path));
        first.close();
        CHECK(fs::is_socket(path));
        co_await meet(second, local(path), "second");
    });
}

TEST_CASE("the file of a Unix socket has the mode that was asked for, whatever the umask")
{
    const folder here;
    run_on_system([&](context& own) -> task<> {
        const mode_t before = ::umask(027);
        listen_options options;
        const acceptor plain = listen(own, endpoint::local(here / "plain"), options);
        options.mode = 0666;
        const acceptor open = listen(own, endpoint::local(here / "open"), options);
        options.mode = 0600;
        const acceptor closed = listen(own, endpoint::local(here / "closed"), options);
        ::umask(before);
        CHECK(mode_of(here / "plain") == 0750);
        CHECK(mode_of(here / "open") == 0666);
        CHECK(mode_of(here / "closed") == 0600);
        co_return;
    });
}

TEST_CASE("a path that no Unix socket can have is refused before the system is asked")
{
    CHECK_NOTHROW(endpoint::local(std::string(107, 'x')));
    CHECK_THROWS_AS(endpoint::local(std::string(108, 'x')), error);
    CHECK_THROWS_AS(endpoint::local(std::string("a\0b", 3)), error);
    CHECK_NOTHROW(endpoint::local(std::string("@a\0b", 4)));
    CHECK_NOTHROW(endpoint::local("@" + std::string(107, 'x')));
    CHECK_THROWS_AS(endpoint::local("@" + std::string(108, 'x')), error);
    const folder here;
    run_on_system([&](context&) -> task<> {
        auto missing = co_await as_result(listen(local(here / "no/such/folder")));
        CHECK(code_of(std::move(missing)) == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("a client may have whatever name the system takes, and is served")
{
    run_on_system([](context& own) -> task<> {
        acceptor source = listen(own, endpoint::local(own_name()));
        const auto connect_from = [&](const std::string& name) {
            descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            sockaddr_un where{};
            where.sun_family = AF_UNIX;
            std::copy(name.begin(), name.end(), where.sun_path);
            const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
            REQUIRE(::bind(client.get(), reinterpret_cast<const sockaddr*>(&where), size) == 0);
            where = {AF_UNIX, {}};
            const std::string to = own_name();
            std::copy(to.begin() + 1, to.end(), where.sun_path + 1);
            const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + to.size());
            REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&where), length) == 0);
            return client;
        };
        const std::string longest(107, 'n');
        const descriptor abstract = connect_from(std::string(1, '\0') + longest);
        connection peer = co_await source.accept();
        CHECK(peer.remote_endpoint().path() == "@" + longest);
        CHECK(peer.remote_endpoint() == endpoint::local("@" + longest));
        const folder here;
        std::string path = here / "";
        path.resize(108, 'p'); // fills sun_path: no NUL has room behind it
        const descriptor with_path = connect_from(path);
        peer = co_await source.accept();
        CHECK(peer.remote_endpoint().family() == endpoint::family::local);
        CHECK(peer.remote_endpoint().path().empty());
    });
}

TEST_CASE("a connection may come from an abstract name, and from no path, whose file would stay")
{
    const folder here;
    const std::string path = here / "client";
    run_on_system([&](context& own) -> task<> {
        acceptor source = listen(own, endpoint::local(own_name()));
        connect_options options;
        options.source = endpoint::local(own_name() + "-client");
        connection client = co_await connect(local(own_name()), options);
        connection peer = co_await source.accept();
        CHECK(peer.remote_endpoint() == options.source);
        options.source = endpoint::local(path);
        auto refused = co_await as_result(connect(local(own_name()), options));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::invalid_argument);
        CHECK_FALSE(fs::exists(path));
    });
}

TEST_CASE("each end of a Unix connection can tell who the other is")
{
    run_on_system([](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        for (const connection* each : {&near, &far}) {
            const peer_credentials who = each->options().get(option::credentials);
            CHECK(who.process == ::getpid());
            CHECK(who.user == ::getuid());
            CHECK(who.group == ::getgid());
        }
        co_return;
    });
}

TEST_CASE("descriptors arrive with the bytes that they were sent with")
{
    run_on_system([](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        auto [first, other_first] = connection_pair(own);
        auto [second, other_second] = connection_pair(own);
        const int handles[] = {first.native_handle(), second.native_handle()};
        co_await near.write_descriptors("two", handles);
        first.close();
        second.close();
        received_descriptors got = co_await far.read_descriptors();
        CHECK(got.data == "two");
        REQUIRE(got.handles.size() == 2);
        CHECK((::fcntl(got.handles[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
        connection passed = adopt_connection(own, got.handles[1].release());
        co_await passed.write("through the second\n");
        const auto line = co_await other_second.read_line();
        REQUIRE(line);
        CHECK(line->text() == "through the second");
        got.handles.clear();
        const bytes end = co_await other_first.read_some();
        CHECK(end.empty()); // both copies of the other end are closed
    });
}

TEST_CASE("bytes before and behind descriptors stay in order, and the end of the stream is no data")
{
    run_on_system([](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        co_await near.write("first\nsecond");
        const auto line = co_await far.read_line();
        REQUIRE(line);
        const int handle = near.native_handle();
        co_await near.write_descriptors("with", {&handle, 1});
        co_await near.write("after");
        near.shutdown_write().value();
        std::string rest;
        std::size_t handles = 0;
        for (;;) {
            received_descriptors got = co_await far.read_descriptors();
            if (got.data.empty())
                break;
            rest += got.data;
            handles += got.handles.size();
        }
        CHECK(rest == "secondwithafter");
        CHECK(handles == 1);
    });
}

TEST_CASE("descriptors that are too many, or over a connection that has none, are an error that says so")
{
    run_on_system([](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        const std::vector<int> many(254, near.native_handle());
        auto refused = co_await as_result(near.write_descriptors("x", many));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::invalid_argument);
        CHECK(refused.error().operation() == "pass descriptors to");
        CHECK_THROWS_AS(near.write_descriptors("", many), misuse);
        auto late = co_await as_result(with_deadline(1ms, far.read_descriptors()));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        auto huge = co_await as_result(far.read_descriptors(SIZE_MAX));
        REQUIRE_FALSE(huge);
        CHECK(huge.error().code() == std::errc::not_enough_memory);
        const int handles[] = {near.native_handle(), near.native_handle(), near.native_handle()};
        co_await near.write_descriptors("x", handles);
        received_descriptors one = co_await far.read_descriptors(100, 1);
        CHECK(one.handles.size() == 1);
        co_await near.write_descriptors("x", handles);
        received_descriptors all = co_await far.read_descriptors(100, SIZE_MAX);
        CHECK(all.handles.size() == 3);
    });
    run_with_connections(stream_kinds()[0], [](connection& near, connection&) -> task<> {
        const int handle = near.native_handle();
        auto refused = co_await as_result(near.write_descriptors("x", {&handle, 1}));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::operation_not_supported);
        CHECK(near.bytes_written() == 0);
    });
    run_with_connections(memory_stream("memory", 100, SIZE_MAX, 0), [](connection& near, connection&) -> task<> {
        const int handle = 0;
        auto refused = co_await as_result(near.write_descriptors("x", {&handle, 1}));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == std::errc::operation_not_supported);
    });
}

TEST_CASE("what was wrong with a descriptor does not spoil the connection, and its end stays a good one")
{
    run_on_system([](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        const int none = 9999;
        auto passed = co_await as_result(near.write_descriptors("x", {&none, 1}));
        REQUIRE_FALSE(passed);
        CHECK(passed.error().code() == std::errc::bad_file_descriptor);
        auto sent = co_await as_result(near.write_file(none));
        REQUIRE_FALSE(sent);
        CHECK(sent.error().code() == std::errc::bad_file_descriptor);
        co_await send_and_end(far, "hello");
        const bytes all = co_await near.read_all(100);
        CHECK(all == bytes("hello"));
    });
}

TEST_CASE("a file for a peer that has closed is an error and no signal")
{
    const folder here;
    const std::string path = here / "file";
    std::ofstream(path) << "content";
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    run_on_system([&](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        far.close();
        auto sent = co_await as_result(near.write_file(file.get()));
        REQUIRE_FALSE(sent);
        CHECK(sent.error().code() == std::errc::broken_pipe);
    });
}

TEST_CASE("passing descriptors and sending a file are late in time, and can be cancelled")
{
    const folder here;
    const std::string path = here / "file";
    std::ofstream(path, std::ios::binary) << pattern(1 << 20);
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    run_on_system([&](context& own) -> task<> {
        auto [near, far] = connection_pair(own);
        const int handle = near.native_handle();
        while (near.try_write(std::string(4096, 'x')) != 0) // until it is full
            continue;
        const auto pass = [&]() -> task<> { co_await near.write_descriptors("x", {&handle, 1}); };
        const auto send = [&]() -> task<> { co_await near.write_file(file.get()); };
        const auto receive = [&]() -> task<> { (void)co_await near.read_descriptors(); };
        near.timeout(1ms);
        for (const std::function<task<>()>& each : {std::function<task<>()>(pass), std::function<task<>()>(send),
                                                    std::function<task<>()>(receive)}) {
            auto late = co_await as_result(each());
            REQUIRE_FALSE(late);
            CHECK(late.error().code() == errc::timed_out);
            CHECK(late.error().phase() != phase::none);
            near.timeout(no_timeout);
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(each());
                group.cancel();
                co_return;
            });
            near.timeout(1ms);
        }
        CHECK(near.is_open());
    });
}

TEST_CASE("a connect to a full backlog waits until there is room, and no longer than its timeout")
{
    const folder here;
    const std::string path = here / "socket";
    run_on_system([&](context& own) -> task<> {
        listen_options options;
        options.backlog = 1;
        acceptor source = listen(own, endpoint::local(path), options);
        std::vector<connection> waiting;
        connect_options hurried;
        hurried.timeout = 20ms;
        for (;;) {
            auto next = co_await as_result(connect(local(path), hurried));
            if (!next) {
                CHECK(next.error().code() == errc::timed_out);
                CHECK(next.error().phase() == phase::connect);
                break;
            }
            waiting.push_back(std::move(*next));
        }
        REQUIRE_FALSE(waiting.empty());
        auto both = co_await when_all(connect(local(path)), source.accept());
        CHECK(std::get<0>(both).is_open());
    });
}

TEST_CASE("a file is written to a connection as it is, from an offset, and up to a count")
{
    const folder here;
    const std::string path = here / "file", content = pattern(3 << 20);
    std::ofstream(path, std::ios::binary) << content;
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    const auto send = [&](connection& to, std::uint64_t offset, std::uint64_t count, std::uint64_t& sent) -> task<> {
        sent = co_await to.write_file(file, offset, count);
        to.shutdown_write().value();
    };
    struct part {
        std::uint64_t offset, count;
    };
    for (const stream_kind& kind : stream_kinds()) {
        if (kind.link)
            continue;
        for (const part each : {part{0, UINT64_MAX}, part{1, 1 << 20}, part{(3 << 20) - 5, 100}, part{9 << 20, 5}})
            run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
                std::uint64_t sent = 0;
                auto both = co_await when_all(send(near, each.offset, each.count, sent), far.read_all(4 << 20));
                const bytes received = std::get<1>(both);
                const std::size_t begin = std::min<std::size_t>(each.offset, content.size());
                const std::string expected = content.substr(begin, each.count);
                CHECK(sent == expected.size());
                CHECK(near.bytes_written() == expected.size());
                CHECK(received == bytes(expected));
            });
    }
    ::close(file);
}
