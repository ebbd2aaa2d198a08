// Stream conformance: moving what arrives to a file, past the program, on every transport that can.
#include "support/folder.hpp"
#include "support/process.hpp"
#include "support/streams.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <portico/net/proxy_protocol.hpp>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

using namespace portico;
using namespace test;

namespace {

bool can_move(const stream_kind& kind)
{
    return !kind.link && !kind.secured;
}

template <class Body>
void on_every_stream_that_can(const Body& body)
{
    for (const stream_kind& kind : stream_kinds())
        if (can_move(kind))
            run_with_connections(kind, body);
}

template <class Body>
void run_with_pair(const Body& body)
{
    context own(make_os_backend());
    own.run(with_deadline(patience, [&]() -> task<> {
        auto [near, far] = connection_pair(own);
        co_await body(near, far);
    }()));
}

descriptor open_new(const std::string& path, int flags = 0)
{
    return descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600));
}

/// Moves everything until the end of the stream; how much that is.
task<std::uint64_t> move_all(connection& from, int file, std::uint64_t most_at_once = UINT64_MAX)
{
    std::uint64_t all = 0;
    for (;;) {
        const std::uint64_t moved = co_await from.read_to_file(file, most_at_once);
        CHECK(moved <= most_at_once);
        if (moved == 0)
            co_return all;
        all += moved;
    }
}

task<> count_moved(connection& from, int file, std::uint64_t& moved)
{
    moved = co_await move_all(from, file);
}

/// Sends some bytes, moves them to a file that must fail, and tells how.
error failure_of(int file)
{
    std::optional<error> failure;
    run_with_pair([&](connection& near, connection& far) -> task<> {
        co_await far.write("content");
        const auto moved = co_await as_result(near.read_to_file(file));
        REQUIRE_FALSE(moved);
        failure = moved.error();
        co_await far.write("more");
        const auto next = co_await as_result(near.read_some());
        REQUIRE_FALSE(next);
        CHECK(next.error().code() == std::errc::connection_aborted);
    });
    return *failure;
}

} // namespace

TEST_CASE("everything that arrives is in the file, in order, whatever is moved at once")
{
    const temporary_folder folder;
    const std::uint64_t most_at_once = GENERATE(UINT64_MAX, std::uint64_t(70'001));
    on_every_stream_that_can([&](connection& near, connection& far) -> task<> {
        const std::string content = pattern(8 << 20);
        const descriptor file = open_new(folder.path("file"), O_TRUNC);
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(send_and_end(far, content));
            const std::uint64_t moved = co_await move_all(near, file.get(), most_at_once);
            CHECK(moved == content.size());
        });
        CHECK((folder.content("file") == content));
        CHECK(near.bytes_read() == content.size());
        const bytes rest = co_await near.read_some();
        CHECK(rest.empty());
    });
}

TEST_CASE("bytes are written at the position of the file, and those that were not asked for stay to be read")
{
    const temporary_folder folder;
    on_every_stream_that_can([&](connection& near, connection& far) -> task<> {
        const descriptor file = open_new(folder.path("file"), O_TRUNC);
        REQUIRE(::write(file.get(), "0123456789", 10) == 10);
        REQUIRE(::lseek(file.get(), 4, SEEK_SET) == 4);
        co_await far.write("abcdefgh, and a line\n");
        std::uint64_t moved = 0;
        while (moved < 8)
            moved += co_await near.read_to_file(file.get(), 8 - moved);
        CHECK(folder.content("file") == "0123abcdefgh");
        const auto line = co_await near.read_line();
        CHECK(line.value() == bytes(", and a line"));
        co_await far.write("!");
        moved = co_await near.read_to_file(file.get());
        CHECK(moved == 1);
        CHECK(folder.content("file") == "0123abcdefgh!");
    });
}

TEST_CASE("a file that cannot be spliced to gets its bytes all the same: one that is appended to, and devices")
{
    const temporary_folder folder;
    const std::string content = pattern(3 << 20);
    for (const std::string& path : {folder.path("file"), std::string("/dev/null"), std::string("/dev/zero")})
        run_with_pair([&](connection& near, connection& far) -> task<> {
            CAPTURE(path);
            const descriptor file = open_new(path, O_APPEND);
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(send_and_end(far, content));
                const std::uint64_t moved = co_await move_all(near, file.get());
                CHECK(moved == content.size());
            });
        });
    CHECK((folder.content("file") == content));
}

TEST_CASE("a pipe gets all bytes from a stream, also one that does not block and is slow to be read")
{
    const bool is_blocking = GENERATE(true, false);
    CAPTURE(is_blocking);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const descriptor exit(ends[0]);
    descriptor entry(ends[1]);
    if (!is_blocking)
        REQUIRE(::fcntl(entry.get(), F_SETFL, O_NONBLOCK) == 0);
    const std::string content = pattern(3 << 20);
    std::string got;
    std::thread reader([&] {
        std::string part(1000, '\0');
        for (;;) {
            const ssize_t count = ::read(exit.get(), part.data(), part.size());
            if (count <= 0)
                return;
            got.append(part, 0, static_cast<std::size_t>(count));
        }
    });
    run_with_pair([&](connection& near, connection& far) -> task<> {
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(send_and_end(far, content));
            const std::uint64_t moved = co_await move_all(near, entry.get());
            CHECK(moved == content.size());
        });
    });
    entry.close();
    reader.join();
    CHECK((got == content));
}

TEST_CASE("several connections of a context move to files at the same time")
{
    const temporary_folder folder;
    const std::string one = pattern(5 << 20, 1), two = pattern(5 << 20, 2);
    context own(make_os_backend());
    own.run(with_deadline(patience, [&]() -> task<> {
        auto [near, far] = connection_pair(own);
        auto [other_near, other_far] = connection_pair(own);
        const descriptor file = open_new(folder.path("one")), other_file = open_new(folder.path("two"));
        std::uint64_t moved = 0, other_moved = 0;
        co_await when_all(send_and_end(far, one), send_and_end(other_far, two), count_moved(near, file.get(), moved),
                          count_moved(other_near, other_file.get(), other_moved));
        CHECK(moved == one.size());
        CHECK(other_moved == two.size());
    }()));
    CHECK((folder.content("one") == one));
    CHECK((folder.content("two") == two));
}

TEST_CASE("a stream whose bytes have to be seen cannot be moved to a file, and nothing of it is lost")
{
    const temporary_folder folder;
    const descriptor file = open_new(folder.path("file"));
    for (const stream_kind& kind : stream_kinds())
        if (!can_move(kind))
            run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
                co_await far.write("content");
                const auto refused = co_await as_result(near.read_to_file(file.get()));
                REQUIRE_FALSE(refused);
                CHECK(refused.error().code() == std::errc::operation_not_supported);
                const std::string got(co_await near.read_exactly(7));
                CHECK(got == "content");
            });
    CHECK(folder.content("file").empty());
}

TEST_CASE("a move that would overtake bytes, of 0 bytes, beside another read, or after close is refused")
{
    const temporary_folder folder;
    const descriptor file = open_new(folder.path("file"));
    run_with_pair([&](connection& near, connection& far) -> task<> {
        CHECK_THROWS_AS((void)near.read_to_file(file.get(), 0), misuse);
        co_await far.write("ab");
        co_await near.read_exactly(1);
        CHECK(near.buffered() == 1);
        CHECK_THROWS_AS((void)near.read_to_file(file.get()), misuse);
        co_await near.read_exactly(1);
        {
            const auto first = near.read_some();
            CHECK_THROWS_AS((void)near.read_to_file(file.get()), misuse);
        }
        near.close();
        const auto closed = co_await as_result(near.read_to_file(file.get()));
        REQUIRE_FALSE(closed);
        CHECK(closed.error().code() == errc::closed);
    });
    CHECK(folder.content("file").empty());
}

TEST_CASE("a move to a file is late in time, can be cancelled, and loses nothing by either")
{
    const temporary_folder folder;
    on_every_stream_that_can([&](connection& near, connection& far) -> task<> {
        const descriptor file = open_new(folder.path("file"), O_TRUNC);
        near.timeout(1ms);
        const auto late = co_await as_result(near.read_to_file(file.get()));
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == errc::timed_out);
        CHECK(late.error().phase() == phase::read);
        CHECK(late.error().operation() == "read from");
        near.timeout(no_timeout);
        int stopped = 0;
        const auto wait = [&]() -> task<> {
            try {
                (void)co_await near.read_to_file(file.get());
            } catch (const cancelled&) {
                ++stopped;
            }
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(wait());
            co_await yield();
            group.cancel();
        });
        CHECK(stopped == 1);
        co_await send_and_end(far, "all of it");
        const std::uint64_t moved = co_await move_all(near, file.get());
        CHECK(moved == 9);
        CHECK(folder.content("file") == "all of it");
    });
}

TEST_CASE("a move that waits gets the few bytes that come, and what is read after it waits for no more than it needs")
{
    const temporary_folder folder;
    on_every_stream_that_can([&](connection& near, connection& far) -> task<> {
        const descriptor file = open_new(folder.path("file"), O_TRUNC);
        std::uint64_t moved = 0;
        const auto move_some = [&]() -> task<> { moved = co_await near.read_to_file(file.get()); };
        for (int i = 1; i <= 3; ++i) {
            co_await scope([&](task_group& group) -> task<> {
                group.spawn(move_some());
                co_await yield();
                co_await far.write("x");
            });
            CHECK(moved == 1);
            CHECK(folder.content("file").size() == static_cast<std::size_t>(i));
        }
        std::string line;
        const auto read_line = [&]() -> task<> {
            const auto got = co_await near.read_line();
            line = got.value().text();
        };
        co_await scope([&](task_group& group) -> task<> {
            group.spawn(read_line());
            co_await yield();
            co_await far.write("short\n");
        });
        CHECK(line == "short");
        near.timeout(1ms);
        const auto late = co_await as_result(near.read_to_file(file.get()));
        CHECK_FALSE(late);
        const descriptor released(near.release());
        int least = 0;
        socklen_t size = sizeof least;
        REQUIRE(::getsockopt(released.get(), SOL_SOCKET, SO_RCVLOWAT, &least, &size) == 0);
        CHECK(least == 1);
    });
}

TEST_CASE("a peer that resets ends a move with its error, behind the bytes that came before")
{
    const temporary_folder folder;
    for (const stream_kind& kind : stream_kinds())
        if (can_move(kind) && !kind.is_unix())
            run_with_connections(kind, [&](connection& near, connection& far) -> task<> {
                const descriptor file = open_new(folder.path("file"), O_TRUNC);
                co_await far.write("a part");
                const std::uint64_t moved = co_await near.read_to_file(file.get());
                CHECK(moved == 6);
                far.abort();
                const auto broken = co_await as_result(near.read_to_file(file.get()));
                REQUIRE_FALSE(broken);
                CHECK(broken.error().code() == std::errc::connection_reset);
                CHECK(broken.error().operation() == "read from");
                CHECK(folder.content("file") == "a part");
            });
}

TEST_CASE("a file that fails is told from a stream that fails, and the stream is of no use any more")
{
    const descriptor full = open_new("/dev/full");
    const error no_space = failure_of(full.get());
    CHECK(no_space.code() == std::errc::no_space_on_device);
    CHECK(no_space.operation() == "write file");
    CHECK(no_space.what() == "write file descriptor " + std::to_string(full.get()) + ": No space left on device");
    const temporary_folder folder;
    open_new(folder.path("file"));
    const descriptor for_reading(::open(folder.path("file").c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(failure_of(for_reading.get()).code() == std::errc::bad_file_descriptor);
    CHECK(failure_of(9999).code() == std::errc::bad_file_descriptor);
    CHECK(failure_of(9999).operation() == "write file");
}

TEST_CASE("a file that may not grow holds what fits, and other connections go on")
{
    const temporary_folder folder;
    child_process child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{100'000, 100'000};
        if (::setrlimit(RLIMIT_FSIZE, &small) != 0)
            return 2;
        context own(make_os_backend());
        return own.run([&]() -> task<int> {
            auto [near, far] = connection_pair(own);
            const std::string content = pattern(150'000), little = "little";
            const descriptor file = open_new(folder.path("file")), other = open_new(folder.path("other"));
            std::error_code code;
            const auto move = [&]() -> task<> { (void)co_await move_all(near, file.get()); };
            co_await when_all(send_and_end(far, content), expect_failure(move(), code));
            auto [other_near, other_far] = connection_pair(own);
            co_await send_and_end(other_far, little);
            const std::uint64_t moved = co_await move_all(other_near, other.get());
            co_return code == std::errc::file_too_large && moved == little.size() ? 0 : 1;
        }());
    });
    CHECK(child.exit_status() == 0);
    CHECK((folder.content("file") == pattern(150'000).substr(0, 100'000)));
    CHECK(folder.content("other") == "little");
}

TEST_CASE("a connection behind a PROXY header moves to files as the one below does")
{
    const temporary_folder folder;
    const descriptor file = open_new(folder.path("file"));
    run_with_pair([&](connection& near, connection& far) -> task<> {
        apply_proxy_header(near, proxy_header(endpoint::ipv4({192, 0, 2, 1}, 1), endpoint::ipv4({192, 0, 2, 2}, 2)));
        co_await send_and_end(far, "through");
        const std::uint64_t moved = co_await move_all(near, file.get());
        CHECK(moved == 7);
    });
    CHECK(folder.content("file") == "through");
}
