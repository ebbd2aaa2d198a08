// service_manager: what systemd puts into the environment, and datagrams to its socket.
#include <portico/server/service_manager.hpp>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <portico/core/deadline.hpp>
#include <portico/net/datagram_socket.hpp>
#include <stdlib.h>
#include <string_view>
#include <unistd.h>

namespace portico::inline v0_1 {

using namespace std::chrono_literals;

namespace {

error malformed(const char* variable, std::string_view value, const char* why)
{
    return {errc::malformed, "read the environment variable", variable, phase::none,
            fmt::format("\"{}\" {}", value, why)};
}

// Of the environment, which is read before there are threads that could change it.
const char* variable_of(const char* name) noexcept
{
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe)
}

// The value of a variable that is a number; none where it is not set.
std::optional<std::uint64_t> number_of(const char* variable)
{
    const char* const set = variable_of(variable);
    if (set == nullptr)
        return {};
    const std::string_view text(set);
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size())
        throw malformed(variable, text, "is no number");
    return value;
}

bool is_own_process(std::uint64_t id) noexcept
{
    return id == static_cast<std::uint64_t>(::getpid());
}

// LISTEN_FDNAMES has a name for each, or is not set.
std::vector<std::string> names_of(std::uint64_t count)
{
    const char* const set = variable_of("LISTEN_FDNAMES");
    if (set == nullptr)
        return std::vector<std::string>(count, "unknown");
    std::vector<std::string> names(1);
    for (const char each : std::string_view(set))
        if (each == ':')
            names.emplace_back();
        else
            names.back() += each;
    if (names.size() != count)
        throw malformed("LISTEN_FDNAMES", set, "has not as many names as LISTEN_FDS says");
    return names;
}

} // namespace

std::vector<inherited_socket> take_inherited_sockets()
{
    struct unset {
        ~unset()
        {
            for (const char* each : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
                ::unsetenv(each); // NOLINT(concurrency-mt-unsafe)
        }
    } const at_the_end;
    const auto process = number_of("LISTEN_PID");
    if (!process || !is_own_process(*process))
        return {};
    constexpr std::uint64_t most = 1'000'000; // more than any limit of descriptors; so that it is an int
    const std::uint64_t count = number_of("LISTEN_FDS").value_or(0);
    if (count > most)
        throw malformed("LISTEN_FDS", std::to_string(count), "is more than a process can have");
    if (count == 0)
        return {};
    std::vector<std::string> names = names_of(count);
    constexpr int first = 3; // SD_LISTEN_FDS_START
    for (int handle = first; handle < first + static_cast<int>(count); ++handle)
        if (!descriptor::is_open(handle)) // before there are any of ours among them
            throw malformed("LISTEN_FDS", std::to_string(count),
                            fmt::format("but descriptor {} cannot be used", handle).c_str());
    std::vector<inherited_socket> found;
    for (std::string& name : names) {
        const int handle = first + static_cast<int>(found.size());
        descriptor kept = descriptor::duplicate(handle); // closed on exec, which the original is not
        if (!kept)
            throw malformed("LISTEN_FDS", std::to_string(count), "but there are too many open files");
        descriptor(handle).close();
        found.emplace_back(std::move(kept), std::move(name));
    }
    return found;
}

service_manager service_manager::from_environment()
{
    const char* const socket = variable_of("NOTIFY_SOCKET");
    if (socket == nullptr || (*socket != '/' && *socket != '@'))
        return {}; // none, or of a kind that only virtual machines have
    const auto process = number_of("WATCHDOG_PID");
    const auto microseconds = number_of("WATCHDOG_USEC").value_or(0);
    constexpr std::uint64_t most = INT64_MAX / 1000;
    if (microseconds > most)
        throw malformed("WATCHDOG_USEC", std::to_string(microseconds), "is too large");
    if (microseconds == 0 || (process && !is_own_process(*process)))
        return service_manager(socket);
    return service_manager(socket, std::chrono::microseconds(microseconds));
}

task<> service_manager::send(std::string assignments)
{
    datagram_socket from = co_await open_datagram(endpoint::local({}));
    co_await from.send_to(assignments, endpoint::local(socket_));
}

task<> service_manager::notify(std::string assignments)
{
    if (!is_there())
        co_return;
    const auto sent = co_await as_result(with_deadline(1s, send(std::move(assignments))));
    if (sent || failed_)
        co_return;
    failed_ = true;
    context& own = co_await this_context();
    own.report(report(fmt::format("notify the service manager: {}", sent.error().what())));
}

task<> service_manager::ready(std::string status)
{
    return notify(fmt::format("READY=1\nSTATUS={}", status));
}

task<> service_manager::stopping(std::string status)
{
    return notify(fmt::format("STOPPING=1\nSTATUS={}", status));
}

task<> service_manager::reloading()
{
    context& own = co_await this_context();
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(own.now().time_since_epoch());
    co_await notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

task<> service_manager::ping()
{
    return notify("WATCHDOG=1");
}

task<> service_manager::keep_pinging()
{
    if (ping_interval() == no_timeout)
        co_return;
    for (;;) {
        co_await ping();
        co_await sleep_for(ping_interval());
    }
}

} // namespace portico
