// hand_over: the two sides of the conversation, in which neither waits for the other for long. See hand_over.hpp.
#include "hand_over.hpp"

#include <algorithm>
#include <portico/core/deadline.hpp>
#include <portico/net/connector.hpp>
#include <unistd.h>

namespace portico::inline v0_1::detail {

using namespace std::chrono_literals;

namespace {

constexpr duration timeout = 10s; // of each line
constexpr std::string_view greeting = "portico hand-over 1";
constexpr std::string_view sockets_word = "sockets ";
constexpr std::string_view serving_word = "serving";
constexpr std::string_view yours_word = "yours";

[[noreturn]] void fail(std::string_view line)
{
    throw protocol_error(errc::malformed, "hand sockets over", "the other process says \"" + std::string(line) + "\"");
}

void check_user(const connection& peer)
{
    if (peer.options().get(option::credentials).user != ::geteuid())
        throw error(std::make_error_code(std::errc::permission_denied), "hand sockets over", {}, phase::none,
                    "the other process is another user's");
}

task<> say(connection& to, std::string_view word)
{
    const std::string line = std::string(word) + '\n';
    co_await to.write(line);
}

task<> expect_line(connection& from, std::string_view wanted)
{
    const auto line = co_await from.read_line();
    if (!line || line->text() != wanted)
        fail(line ? line->text() : std::string_view());
}

// The line that brings descriptors: what it says of them.
task<std::string> receive_sockets(connection& from, std::vector<descriptor>& handles)
{
    constexpr std::size_t longest = 300; // with a character for each of 253 descriptors (unix(7))
    std::string line;
    while (!line.ends_with('\n')) {
        received_descriptors got = co_await from.read_descriptors(longest);
        line += got.data;
        if (got.data.empty() || line.size() > longest)
            fail(line);
        for (descriptor& each : got.handles)
            handles.push_back(std::move(each));
    }
    line.pop_back();
    if (!line.starts_with(sockets_word) || handles.size() < 2 || line.size() != sockets_word.size() + handles.size())
        fail(line);
    co_return line.substr(sockets_word.size());
}

// The first line that a process hears which takes over; `false` where the other goes on itself.
task<bool> is_ours_now(connection& before)
{
    co_await say(before, serving_word);
    const auto line = co_await before.read_line();
    co_return !line || line->text() == yours_word;
}

} // namespace

task<std::vector<descriptor>> hand_over::inherit()
{
    std::vector<descriptor> handles;
    auto connected = co_await as_result(connect(endpoint::local(path_)));
    if (!connected
        && (connected.error().code() == std::errc::connection_refused
            || connected.error().code() == std::errc::no_such_file_or_directory))
        co_return handles;
    before_.emplace(std::move(connected).value());
    before_->timeout(timeout);
    check_user(*before_);
    co_await say(*before_, greeting);
    files_ = co_await receive_sockets(*before_, handles);
    door_.emplace(adopt_acceptor(own_, handles.front().get()));
    handles.front().release();
    handles.erase(handles.begin());
    co_return handles;
}

void hand_over::open(const std::vector<endpoint>& where, bool ours)
{
    if (door_) {
        std::vector<endpoint> all = door_->local_endpoints();
        all.insert(all.end(), where.begin(), where.end());
        for (std::size_t index = 0; index < std::min(all.size(), files_.size()); ++index)
            if (files_[index] == 'f' && all[index].has_file())
                inherited_files_.emplace_back(all[index].path());
        return;
    }
    listen_options how;
    how.mode = 0600;
    door_.emplace(listen(own_, endpoint::local(path_), how));
    files_ = door_->local_endpoints().front().has_file() ? "f" : "-";
    for (const endpoint& each : where)
        files_ += ours && each.has_file() ? 'f' : '-';
}

task<> hand_over::take_over()
{
    if (!before_)
        co_return;
    const auto ours = co_await as_result(is_ours_now(*before_));
    if (ours && !*ours) // in every other case it is gone, or hangs, and nobody serves but us
        fail("late");
    before_.reset();
}

task<std::int64_t> hand_over::wait_for_heir(const service_target& target)
{
    while (!closed_) {
        auto heir = co_await as_result(door_->accept());
        if (!heir) {
            co_await sleep_for(1s); // for want of descriptors or memory
            continue;
        }
        heir->timeout(timeout);
        const auto serves = co_await as_result(offer(*heir, target));
        if (!serves)
            own_.report(report(serves.error().what()));
        const bool late = !serves || closed_;
        (void)co_await as_result(say(*heir, late ? "late" : yours_word));
        if (!late) {
            let_go();
            co_return heir->options().get(option::credentials).process;
        }
        co_await heir->finish();
    }
    co_return 0;
}

task<> hand_over::offer(connection& heir, const service_target& target)
{
    check_user(heir);
    co_await expect_line(heir, greeting);
    if (closed_) // meanwhile
        throw error(errc::closed, "hand sockets over");
    std::vector<int> handles = target.handles();
    handles.insert(handles.begin(), door_->native_handles().front());
    const std::string line = std::string(sockets_word) + files_ + '\n';
    co_await heir.write_descriptors(line, handles);
    co_await expect_line(heir, serving_word);
}

void hand_over::let_go()
{
    for (const int each : door_->release())
        descriptor(each).close();
    inherited_files_.clear();
    closed_ = true;
}

void hand_over::close()
{
    if (!before_) // else they are still the other's
        for (const std::string& each : inherited_files_)
            (void)own_.backend().remove_file(each);
    inherited_files_.clear();
    if (door_)
        door_->close();
    closed_ = true;
}

} // namespace portico::detail
