// service: see service.hpp. Everything happens in its context; what a signal begins is a task of one group.
#include "service.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>

namespace portico::inline v0_1::detail {

void print(const std::string& text)
{
    const std::string line = fmt::format("{}: {}\n", program_invocation_short_name, text);
    std::fputs(line.c_str(), stderr);
}

void reload(const serve_options& options)
{
    try {
        options.on_reload();
    } catch (const std::exception& failure) {
        print(fmt::format("reload: {}", failure.what()));
    }
}

int hurry_signal() noexcept
{
    return SIGRTMIN;
}

service::service(service_target& target, const serve_options& options, service_start start)
    : target_(target), options_(options), start_(std::move(start))
{
    own_.on_report([](const report& what) { print(what.text); });
    if (!options_.hand_over.empty())
        hand_over_.emplace(own_, options_.hand_over);
}

int service::run()
{
    std::vector<int> signals{SIGTERM, SIGINT, SIGUSR1};
    if (start_.on_watching)
        signals.push_back(hurry_signal());
    if (options_.on_reload)
        signals.push_back(SIGHUP);
    own_.backend().watch_signals(signals, [this](int number) { on_signal(number); });
    if (start_.on_watching)
        start_.on_watching();
    try {
        own_.run(main());
        return 0;
    } catch (const cancelled&) { // a signal came before there was anything to drain
        return 0;
    } catch (const std::exception& failure) {
        print(failure.what());
        return 1;
    }
}

task<> service::main()
{
    co_await open_sockets();
    struct forget {
        service& own;
        ~forget() { own.tasks_ = nullptr; }
    } const at_the_end{*this};
    co_await scope([&](task_group& group) -> task<> {
        tasks_ = &group;
        group.spawn(run_target(group));
        co_await announce(group);
    });
}

task<> service::open_sockets()
{
    std::vector<descriptor> sockets;
    if (hand_over_)
        sockets = co_await hand_over_->inherit();
    const bool inherited = !sockets.empty();
    if (!inherited)
        sockets = std::move(start_.sockets);
    const bool adopted = target_.adopt(own_, sockets);
    if (!adopted && inherited)
        throw misuse("the process that hands its sockets over serves otherwise");
    if (!adopted)
        co_await target_.open();
    const std::vector<endpoint> where = target_.endpoints();
    if (hand_over_)
        hand_over_->open(where, !adopted);
    status_ = "serving at";
    for (const endpoint& each : where)
        status_ += " " + to_string(each);
}

task<> service::announce(task_group& group)
{
    if (hand_over_) {
        const auto ours = co_await as_result(hand_over_->take_over());
        if (!ours) { // the other goes on; who has come to us meanwhile is served
            draining_ = true;
            co_await target_.drain(options_.soft, options_.hard, listening_sockets::leave);
            ours.value();
        }
        group.spawn(give_away());
    }
    if (start_.on_ready)
        start_.on_ready();
    co_await start_.manager.ready(status_);
    co_await start_.manager.keep_pinging();
}

task<> service::run_target(task_group& group)
{
    co_await target_.run();
    if (draining_)
        co_await drained_.wait();
    group.cancel();
}

void service::on_signal(int number)
{
    const bool is_child = static_cast<bool>(start_.on_watching);
    if (number == hurry_signal() && stops_ == 0) // it has overtaken SIGTERM
        stop();
    if (number == SIGTERM || number == SIGINT || number == hurry_signal()) {
        if (!is_child || stops_ == 0 || number == hurry_signal())
            stop();
    } else if (tasks_ != nullptr) {
        tasks_->spawn(number == SIGHUP ? reload() : describe());
    }
}

void service::stop()
{
    ++stops_;
    if (tasks_ == nullptr) {
        own_.cancel();
    } else if (stops_ == 1 && !draining_) {
        tasks_->spawn(start_.manager.stopping("draining"));
        if (hand_over_)
            hand_over_->close();
        tasks_->spawn(drain(listening_sockets::close));
    } else {
        tasks_->spawn(shorten_drain(stops_ < 3 ? options_.hard : duration(0)));
    }
}

task<> service::drain(listening_sockets sockets)
{
    draining_ = true;
    const drain_report report = co_await target_.drain(options_.soft, options_.hard, sockets);
    if (report.finished + report.cancelled + report.aborted != 0)
        print(fmt::format("drained: {} connections finished, {} cancelled, {} aborted", report.finished,
                          report.cancelled, report.aborted));
    drained_.set();
}

task<> service::shorten_drain(duration hard)
{
    (void)co_await target_.drain(duration(0), hard, listening_sockets::close);
}

task<> service::reload()
{
    co_await start_.manager.reloading();
    detail::reload(options_);
    if (start_.on_ready)
        start_.on_ready();
    co_await start_.manager.ready(status_);
}

task<> service::describe()
{
    auto text = co_await as_result(target_.describe());
    if (!text) { // it must not end the service
        print(text.error().what());
        co_return;
    }
    text->pop_back(); // the end of the last line
    print(*text);
}

task<> service::give_away()
{
    const std::int64_t heir = co_await hand_over_->wait_for_heir(target_);
    if (heir == 0)
        co_return;
    co_await start_.manager.notify(fmt::format("MAINPID={}", heir));
    start_.manager = {}; // it listens to the other from now on
    if (!draining_)
        co_await drain(listening_sockets::leave);
}

} // namespace portico::detail
