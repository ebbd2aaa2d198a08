// service_target: see service_target.hpp.
#include "service_target.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <portico/server/session_info.hpp>

namespace portico::inline v0_1::detail {

bool service_target::adopt(context& own, std::vector<descriptor>& sockets)
{
    bool any = false;
    for (descriptor& each : sockets) {
        try {
            adopt_one(own, each.get());
        } catch (const error&) {
            continue; // one for another purpose
        }
        each.release();
        any = true;
    }
    return any;
}

task<> stream_target::open()
{
    acceptor source = co_await which_.listen();
    source_.emplace(std::move(source));
}

void stream_target::adopt_one(context& own, int handle)
{
    acceptor one = adopt_acceptor(own, handle);
    if (source_)
        source_->add(std::move(one));
    else
        source_.emplace(std::move(one));
}

std::vector<descriptor> stream_target::release()
{
    std::vector<descriptor> released;
    for (const int each : source_->release())
        released.emplace_back(each);
    source_.reset();
    return released;
}

task<> stream_target::run()
{
    acceptor source = std::move(*source_);
    source_.reset();
    co_await which_.run(std::move(source));
}

task<drain_report> stream_target::drain(duration soft, duration hard, listening_sockets sockets)
{
    return which_.drain(soft, hard, sockets);
}

task<std::string> stream_target::describe()
{
    const std::vector<session_info> sessions = co_await which_.connections();
    const server_statistics all = which_.statistics();
    std::string text = fmt::format(
        "connections: {} accepted, {} open, {} served, {} lost, {} timed out, {} failed, {} cancelled, {} aborted\n"
        "refused: {} by the limit of an address, {} by verify, {} untrusted, {} by their handshake\n"
        "accept errors: {}; bytes of connections that have ended: {} read, {} written\n",
        all.accepted, all.open, all.served, all.lost, all.timed_out, all.handler_errors, all.cancelled, all.aborted,
        all.refused.by_address_limit, all.refused.by_verify, all.refused.untrusted, all.refused.by_handshake,
        all.accept_errors.total(), all.bytes_read, all.bytes_written);
    for (const session_info& each : sessions)
        text += to_string(each);
    co_return text;
}

task<> datagram_target::open()
{
    sockets_ = co_await which_.open();
}

void datagram_target::adopt_one(context& own, int handle)
{
    sockets_.push_back(adopt_datagram_socket(own, handle));
}

std::vector<endpoint> datagram_target::endpoints() const
{
    std::vector<endpoint> all;
    std::ranges::transform(sockets_, std::back_inserter(all), &datagram_socket::local_endpoint);
    return all;
}

std::vector<descriptor> datagram_target::release()
{
    std::vector<descriptor> released;
    released.reserve(sockets_.size());
    for (datagram_socket& each : sockets_)
        released.emplace_back(each.release());
    sockets_.clear();
    return released;
}

task<> datagram_target::run()
{
    struct forget {
        datagram_target& own;
        ~forget() { own.running_ = nullptr; }
    } const at_the_end{*this};
    co_await scope([&](task_group& group) -> task<> {
        running_ = &group.scope();
        co_await which_.run(std::span(sockets_));
    });
    if (leave_)
        release();
    sockets_.clear();
}

std::vector<int> datagram_target::handles() const
{
    std::vector<int> all;
    std::ranges::transform(sockets_, std::back_inserter(all), &datagram_socket::native_handle);
    return all;
}

// The handlers of packets are short, and nobody waits for what they have not sent: they are cancelled at once.
task<drain_report> datagram_target::drain(duration, duration, listening_sockets sockets)
{
    drain_report report;
    if (running_ == nullptr)
        co_return report;
    report.cancelled = which_.statistics().open;
    std::exchange(running_, nullptr)->cancel();
    leave_ = sockets == listening_sockets::leave;
    co_return report;
}

task<std::string> datagram_target::describe()
{
    const datagram_server_statistics& all = which_.statistics();
    co_return fmt::format("packets: {} received ({} truncated), {} replies, {} handlers run, {} timed out, {} failed, "
                          "{} lost; {} pauses, {} receive errors\n",
                          all.received, all.truncated, all.replies, all.open, all.timed_out, all.handler_errors,
                          all.lost, all.pauses, all.receive_errors);
}

} // namespace portico::detail
