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
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace portico::inline v0_1 {

namespace memory {
class datagram;
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

    /// `random` is a sequence that follows from the seed.
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
    /// The port of a service. There are none from the start.
    void add_service(const std::string& name, std::uint16_t port) { services_[name] = port; }
    /// The answer about one family of a name comes after this time; `no_timeout`: never.
    void delay_answers(const std::string& name, resolve_query::family which, duration after);
    /// Connects to an address end after this time, with this error of the system, or as they would at once where it is
    /// 0; `no_timeout`: they never end.
    void delay_connects(const endpoint& to, duration after, int system_error = 0);
    /// What was connected to, and when, whatever became of it.
    struct connect_record {
        endpoint to; ///< the address
        time_point at; ///< when
    };
    /// Every connect so far, in order.
    const std::vector<connect_record>& connects() const noexcept { return connects_; }
    /// The next accepts fail with this error (EMFILE), `count` times.
    void fail_accepts(int system_error, unsigned count) noexcept;
    /// The same for receives of datagrams; the packets stay to be received.
    void fail_receives(int system_error, unsigned count) noexcept;

    /// From now on the time of day is this, and moves with the clock. It is 2026-01-01 00:00 UTC at the start.
    void set_wall_time(std::chrono::system_clock::time_point to) noexcept;

    /// The files that there are, with their contents. A folder need not be made for a file to be in it.
    std::map<std::string, std::string>& files() noexcept { return files_; }
    /// So many bytes may still be written to files, as on a disk that fills up.
    void free_space(std::size_t amount) noexcept { free_space_ = amount; }
    /// As if the process had got a signal.
    void raise_signal(int number);

    void attach(context& owner) override { owner_ = &owner; }
    time_point now() noexcept override { return now_; }
    std::chrono::system_clock::time_point wall_time() noexcept override
    {
        return wall_start_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(now_ - start);
    }
    void set_alarm(time_point instant) override { alarm_ = instant; }
    void set_working(bool) noexcept override {}
    void request_run() override { run_requested_ = true; }
    unique_function<void(unique_function<void()>)> poster() override;
    void watch_signals(const std::vector<int>& numbers, unique_function<void(int)> handler) override;
    /// Throws `misuse`, with the await stacks, when everything waits and nothing can ever happen.
    void run() override;
    void stop() noexcept override { stopped_ = true; }
    result<transport_ptr> connect(const endpoint& to, const connect_options& options) override;
    result<listener_ptr> listen(const endpoint& at, const listen_options& options) override;
    result<datagram_transport_ptr> open_datagram(const endpoint& at, const datagram_options& options) override;
    result<std::pair<transport_ptr, transport_ptr>> open_pair() override { return make_link(); }
    result<transport_ptr> adopt_stream(int handle) override;
    result<listener_ptr> adopt_listener(int handle) override;
    result<datagram_transport_ptr> adopt_datagram(int handle) override;
    void resolve(const resolve_query& query, resolved done) override;
    void resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done) override;
    endpoint source_for(const endpoint& to) noexcept override;
    result<std::vector<network_interface>> interfaces() override;
    result<std::string> host_name() override;
    result<std::unique_ptr<file>> open_file(const std::string& path, file_mode mode) override;
    result<std::string> read_file(const std::string& path, std::size_t limit) override;
    result<void> write_file(const std::string& path, bytes data) override;
    result<file_status> status_of(const std::string& path) override;
    result<void> set_modification_time(const std::string& path,
                                       std::chrono::system_clock::time_point modified) override;
    result<void> rename_file(const std::string& from, const std::string& to) override;
    result<void> rename_new_file(const std::string& from, const std::string& to) override;
    result<void> remove_file(const std::string& path) override;
    result<void> make_folder(const std::string& path) override;
    result<void> sync_folder(const std::string& path) override;
    result<void> run_on_thread(unique_function<void()> blocking) override;
    void random(std::span<std::byte> destination) override;

private:
    class memory_file;
    struct file_facts {
        std::chrono::system_clock::time_point modified;
        std::uint64_t number;
    };
    struct posted;
    friend memory::datagram;
    friend memory::listener;
    file_facts& facts(const std::string& path);
    void forget_name(const std::string& path);
    bool take_space(std::size_t amount) noexcept;
    int take_accept_failure() noexcept;
    int take_receive_failure() noexcept;
    void remove(const listener& which) noexcept;
    void remove(const memory::datagram& which) noexcept;
    /// The datagram sockets that a packet goes to: one, or every member of a group.
    std::vector<memory::datagram*> receivers_of(const endpoint& from, const endpoint& to) const;
    bool step();
    void call_after(duration delay, unique_function<void()> function);
    time_point next_instant() const noexcept;
    int offer(const endpoint& to, transport_ptr& far);
    void answer(const resolve_query& query, result<std::vector<endpoint>> found, resolved done);
    std::uint16_t free_port() noexcept { return next_port_++; }

    context* owner_ = nullptr;
    static constexpr time_point start{std::chrono::hours(1)};
    time_point now_ = start;
    std::chrono::system_clock::time_point wall_start_ = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
    time_point alarm_ = time_point::max();
    bool run_requested_ = false, stopped_ = false, jumping_ = false;
    std::shared_ptr<posted> posted_;
    settling* settling_ = nullptr;
    memory_link link_;
    std::uint16_t next_port_ = 49152;
    std::multimap<time_point, unique_function<void()>> later_;
    std::map<std::string, std::vector<endpoint>> hosts_;
    std::map<std::string, std::uint16_t> services_;
    std::map<std::pair<std::string, resolve_query::family>, duration> slow_answers_;
    struct slow_connect {
        duration after;
        int system_error;
    };
    std::unordered_map<endpoint, slow_connect> slow_connects_;
    std::vector<connect_record> connects_;
    std::vector<memory::listener*> listeners_;
    std::vector<memory::datagram*> datagrams_;
    std::uint32_t next_name_ = 0; // of Unix datagram sockets
    int accept_error_ = 0;
    unsigned accept_failures_ = 0;
    int receive_error_ = 0;
    unsigned receive_failures_ = 0;
    std::map<std::string, std::string> files_;
    std::map<std::string, file_facts> facts_;
    std::set<std::string> folders_;
    std::vector<memory_file*> open_files_;
    std::uint64_t last_number_ = 0;
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
