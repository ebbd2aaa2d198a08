// memory_backend: a world in memory, for tests: streams, names, files, and a clock that the test moves.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <portico/core/backend.hpp>
#include <portico/core/context.hpp>
#include <portico/net/endpoint.hpp>
#include <portico/net/transport.hpp>
#include <string>
#include <vector>

namespace portico {

namespace memory {
class listener;
}

/// How streams of a `memory_backend` behave, each direction by itself.
struct memory_link {
    std::size_t capacity = 64 * 1024;    ///< bytes under way; then writing waits
    std::size_t most_a_read = SIZE_MAX;  ///< bytes that one read gets: 1 shows a parser every split
    std::size_t most_a_write = SIZE_MAX; ///< bytes that one write takes
    std::uint64_t cut_after = UINT64_MAX; ///< bytes that arrive before the link is reset
};

/// Connections, names and files in memory, with a clock that stands still until it is moved, and no threads. It behaves
/// as TCP does where a program can tell: a close with unread input resets, writing to a closed peer fails.
class memory_backend final : public backend {
public:
    class settling;

    explicit memory_backend(std::uint64_t seed = 1);
    ~memory_backend() override;

    /// Moves the clock, over every alarm on the way. Tasks that this wakes run when the caller next waits.
    void advance(duration by);
    /// From now on, when everything waits, the clock jumps to the next deadline by itself.
    void advance_when_idle(bool on = true) noexcept { jumping_ = on; }
    /// `co_await outside.settle()`: completes when everything else waits.
    [[nodiscard]] settling settle() noexcept;

    /// How streams that are opened from now on behave.
    void link(const memory_link& how) noexcept { link_ = how; }
    /// Two connected transports.
    std::pair<transport_ptr, transport_ptr> make_link();
    /// What a name resolves to. `localhost` is there from the start, as 127.0.0.1 and ::1.
    void add_host(const std::string& name, std::vector<endpoint> addresses);
    /// The next accepts fail with this error (EMFILE), `count` times.
    void fail_accepts(int system_error, unsigned count) noexcept;

    /// The files that there are, with their contents.
    std::map<std::string, std::string>& files() noexcept { return files_; }
    /// So many bytes may still be written to files, as on a disk that fills up.
    void free_space(std::size_t amount) noexcept { free_space_ = amount; }
    /// As if the process had got a signal.
    void raise_signal(int number);

    void attach(context& owner) override { owner_ = &owner; }
    time_point now() noexcept override { return now_; }
    void set_alarm(time_point instant) override { alarm_ = instant; }
    void request_run() override { run_requested_ = true; }
    unique_function<void(unique_function<void()>)> poster() override;
    void watch_signals(const std::vector<int>& numbers, unique_function<void(int)> handler) override;
    /// Throws `misuse`, with the await stacks, when everything waits and nothing can ever happen.
    void run() override;
    void stop() noexcept override { stopped_ = true; }
    result<transport_ptr> connect(const endpoint& to, const connect_options& options) override;
    result<std::unique_ptr<listener>> listen(const endpoint& at, const listen_options& options) override;
    void resolve(const std::string& host, std::uint16_t port, resolved done) override;
    result<std::unique_ptr<file>> open_file(const std::string& path, file_mode mode) override;
    bool is_special_file(const std::string&) override { return false; }
    result<void> rename_file(const std::string& from, const std::string& to) override;
    result<void> remove_file(const std::string& path) override;
    void random(std::span<std::byte> destination) override;

private:
    class memory_file;
    struct posted;
    friend memory::listener;
    int take_accept_failure() noexcept;
    void remove(const listener& which) noexcept;
    bool step();
    std::uint16_t free_port() noexcept { return next_port_++; }

    context* owner_ = nullptr;
    time_point now_{std::chrono::hours(1)};
    time_point alarm_ = time_point::max();
    bool run_requested_ = false, stopped_ = false, jumping_ = false;
    std::shared_ptr<posted> posted_;
    settling* settling_ = nullptr;
    memory_link link_;
    std::uint16_t next_port_ = 49152;
    std::map<std::string, std::vector<endpoint>> hosts_;
    std::vector<memory::listener*> listeners_;
    int accept_error_ = 0;
    unsigned accept_failures_ = 0;
    std::map<std::string, std::string> files_;
    std::size_t free_space_ = SIZE_MAX;
    std::vector<int> signals_;
    std::shared_ptr<const unique_function<void(int)>> on_signal_;
    std::uint64_t random_;
};

class memory_backend::settling final : public timed_operation {
public:
    explicit settling(memory_backend& outside) noexcept : outside_(outside) {}
    ~settling() { abandon(); }
    void value() const noexcept {}

private:
    friend memory_backend;
    bool attempt() noexcept override { return std::exchange(settled_, true); }
    void arm() noexcept override { outside_.settling_ = this; }
    void disarm() noexcept override { outside_.settling_ = nullptr; }
    error describe(std::error_code code) const override { return {code, "settle", {}, phase::total}; }
    memory_backend& outside_;
    bool settled_ = false;
};

inline memory_backend::settling memory_backend::settle() noexcept
{
    return settling(*this);
}

} // namespace portico
