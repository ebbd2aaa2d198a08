// os_backend: the operating system through Asio.
#pragma once

#include "asio.hpp"
#include "resolver_threads.hpp"
#include "splice_pipe.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <portico/core/backend.hpp>

namespace portico::inline v0_1::os {

class backend;

/// What handlers that may outlive the backend refer to: the context, until the backend is gone.
struct link {
    std::mutex mutex; // for threads that post; the loop itself needs none
    backend* target = nullptr;
    context* owner = nullptr;
};

class backend final : public portico::backend {
public:
    using executor = asio::io_context::executor_type;

    backend();
    /// On the caller's loop, which one thread runs, or several with a strand.
    backend(asio::io_context& loop, bool several_threads);
    ~backend() override;

    void attach(context& owner) override;
    time_point now() noexcept override { return std::chrono::steady_clock::now(); }
    std::chrono::system_clock::time_point wall_time() noexcept override { return std::chrono::system_clock::now(); }
    void set_alarm(time_point instant) override;
    void set_working(bool on) noexcept override;
    void request_run() override;
    unique_function<void(unique_function<void()>)> poster() override;
    void watch_signals(const std::vector<int>& numbers, unique_function<void(int)> handler) override;
    void run() override;
    void stop() noexcept override { loop_.stop(); }

    result<transport_ptr> connect(const endpoint& to, const connect_options& options) override;
    result<listener_ptr> listen(const endpoint& at, const listen_options& options) override;
    result<datagram_transport_ptr> open_datagram(const endpoint& at, const datagram_options& options) override;
    result<std::pair<transport_ptr, transport_ptr>> open_pair() override;
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

    executor loop_executor() const noexcept { return loop_.get_executor(); }
    /// What runs handlers in the context's sequence.
    asio::any_io_executor sequence() const
    {
        return strand_ ? asio::any_io_executor(*strand_) : asio::any_io_executor(loop_.get_executor());
    }
    context& owner() const noexcept { return *link_->owner; }
    splice_pipe& pipe() noexcept { return pipe_; }

    /// Gives `start` a handler that runs in the context's sequence.
    template <class Start, class Handler>
    void in_sequence(Start&& start, Handler handler)
    {
        if (strand_)
            start(asio::bind_executor(*strand_, std::move(handler)));
        else
            start(std::move(handler));
    }

private:
    void watch_next_signal();

    /// Has a function called in the context's sequence, soon.
    template <class F>
    void post(F function)
    {
        if (strand_)
            asio::post(*strand_, std::move(function));
        else
            asio::post(loop_, std::move(function));
    }
    /// What any thread may call with a value, for `done` to be called with it from the loop.
    template <class T>
    unique_function<void(T)> in_loop(unique_function<void(T)> done)
    {
        return [post = poster(), shared = std::make_shared<const unique_function<void(T)>>(std::move(done))](T value) {
            post([shared, value = std::move(value)] { (*shared)(value); });
        };
    }

    std::unique_ptr<asio::io_context> own_loop_;
    asio::io_context& loop_;
    std::optional<asio::strand<executor>> strand_;
    std::optional<asio::executor_work_guard<executor>> work_;
    std::shared_ptr<link> link_ = std::make_shared<link>();
    asio::steady_timer alarm_;
    std::optional<asio::signal_set> signals_;
    std::shared_ptr<const unique_function<void(int)>> on_signal_;
    resolver_threads resolver_;
    threads blocking_{64};
    splice_pipe pipe_;
};

} // namespace portico::os
