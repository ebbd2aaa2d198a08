// service_target: the server that serve() runs, of either kind, and the sockets at which it listens.
#pragma once

#include <optional>
#include <portico/net/descriptor.hpp>
#include <portico/server/datagram_server.hpp>
#include <portico/server/server.hpp>

namespace portico::inline v0_1::detail {

class service_target {
public:
    service_target() = default;
    service_target(const service_target&) = delete;
    service_target& operator=(const service_target&) = delete;
    virtual ~service_target() = default;

    /// Opens sockets at the addresses of the server.
    virtual task<> open() = 0;
    /// Takes sockets over in place of that, all that are of its kind: false where none is.
    bool adopt(context& own, std::vector<descriptor>& sockets);

    /// Before it runs:
    virtual std::vector<endpoint> endpoints() const = 0;
    /// Gives the sockets up; the files of Unix sockets stay.
    virtual std::vector<descriptor> release() = 0;

    /// Runs the server on what it has opened or adopted.
    virtual task<> run() = 0;
    /// While it runs, its sockets.
    virtual std::vector<int> handles() const = 0;
    /// Ends `run`; counts what became of what was open.
    virtual task<drain_report> drain(duration soft, duration hard, listening_sockets sockets) = 0;
    /// What it has done and what it waits for: lines for a person, each with its end.
    virtual task<std::string> describe() = 0;

protected:
    /// Throws `error` where the socket is of another kind.
    virtual void adopt_one(context& own, int handle) = 0;
};

class stream_target final : public service_target {
public:
    explicit stream_target(server& which) noexcept : which_(which) {}

    task<> open() override;
    std::vector<endpoint> endpoints() const override { return source_->local_endpoints(); }
    std::vector<descriptor> release() override;
    task<> run() override;
    std::vector<int> handles() const override { return which_.native_handles(); }
    task<drain_report> drain(duration soft, duration hard, listening_sockets sockets) override;
    task<std::string> describe() override;

private:
    void adopt_one(context& own, int handle) override;

    server& which_;
    std::optional<acceptor> source_; // until it runs
};

class datagram_target final : public service_target {
public:
    explicit datagram_target(datagram_server& which) noexcept : which_(which) {}

    task<> open() override;
    std::vector<endpoint> endpoints() const override;
    std::vector<descriptor> release() override;
    task<> run() override;
    std::vector<int> handles() const override;
    task<drain_report> drain(duration soft, duration hard, listening_sockets sockets) override;
    task<std::string> describe() override;

private:
    void adopt_one(context& own, int handle) override;

    datagram_server& which_;
    std::vector<datagram_socket> sockets_;
    cancel_scope* running_ = nullptr; // while it runs
    bool leave_ = false;
};

} // namespace portico::detail
