// server: the contexts that it has, and what they are asked together.
#include <portico/server/server.hpp>

#include "serving.hpp"
#include "worker.hpp"

#include <algorithm>
#include <portico/core/deadline.hpp>
#include <portico/core/run_in.hpp>
#include <utility>

namespace portico::inline v0_1 {

namespace detail {

/// The parts of a server, one for each context; the first is that of `run`.
class running_server {
public:
    explicit running_server(const server_setup& setup)
        : setup_(setup),
          accounts_(std::max<std::size_t>(setup.options.max_connections_per_address, 1), setup.options.threads > 1)
    {
    }

    void check_idle() const
    {
        if (runs_)
            throw misuse("a server was run that runs already");
    }
    task<> run(acceptor source);
    task<drain_report> drain(duration soft, duration hard, listening_sockets sockets);
    task<std::vector<session_info>> inspect();
    std::vector<int> native_handles() const
    {
        return parts_.empty() ? std::vector<int>() : parts_.front()->native_handles();
    }
    server_statistics statistics() const { return accounts_.statistics(); }

private:
    struct questions {
        std::size_t open = 0;
        event answered;
    };
    task<> run_parts(acceptor source);
    task<> wait_for_answers();
    template <class F>
    task<> ask_each(F ask);

    const server_setup& setup_;
    ledger accounts_;
    bool runs_ = false;
    std::shared_ptr<questions> questions_ = std::make_shared<questions>(); // shared, as the parts are
    std::vector<std::shared_ptr<serving>> parts_; // shared with who asks them: the last answers come after the end
};

task<> running_server::run(acceptor source)
{
    struct leave {
        running_server& own;
        ~leave() { own.runs_ = false; }
    } const at_the_end{*this};
    runs_ = true;
    if (setup_.every.empty()) {
        co_await run_parts(std::move(source));
        co_return;
    }
    const auto repeat = [](const server_setup::periodic& what) -> task<> {
        for (;;) {
            co_await sleep_for(what.interval);
            what.action();
        }
    };
    co_await scope([&](task_group& group) -> task<> {
        for (const server_setup::periodic& each : setup_.every)
            group.spawn(repeat(each));
        co_await run_parts(std::move(source));
        group.cancel();
    });
}

namespace {

/// A thread with a part of the server, and the sockets at which that listens.
struct helper {
    helper(context& main, const std::vector<int>& listening) : thread(main)
    {
        for (const int each : listening) {
            handles.push_back(descriptor::duplicate(each));
            if (!handles.back())
                throw error(std::make_error_code(std::errc::too_many_files_open), "duplicate a listening socket");
        }
    }
    acceptor adopt()
    {
        acceptor all(thread.own(), {});
        for (descriptor& each : handles) {
            all.add(adopt_acceptor(thread.own(), each.get()));
            each.release();
        }
        return all;
    }

    std::vector<descriptor> handles;
    worker thread; // last: it ends before what it uses
};

task<> run_elsewhere(helper& where, serving& part)
{
    const auto serve = [&]() -> task<> {
        acceptor source = where.adopt();
        co_await part.run(std::move(source));
    };
    co_await run_in(where.thread.own(), serve);
}

} // namespace

task<> running_server::run_parts(acceptor source)
{
    context& own = co_await this_context();
    const unsigned threads = std::max(setup_.options.threads, 1U);
    struct forget {
        running_server& own;
        ~forget() { own.parts_.clear(); } // their contexts are gone, or may go now
    } const at_the_end{*this};
    parts_.push_back(std::make_shared<serving>(setup_, accounts_, own, 0, threads));
    if (threads == 1) {
        co_await parts_.front()->run(std::move(source));
        co_return;
    }
    const std::vector<int> handles = source.native_handles();
    std::vector<std::unique_ptr<helper>> helpers;
    for (unsigned index = 1; index < threads; ++index) {
        helpers.push_back(std::make_unique<helper>(own, handles));
        parts_.push_back(std::make_shared<serving>(setup_, accounts_, helpers.back()->thread.own(), index, threads));
    }
    std::exception_ptr failure;
    try {
        co_await scope([&](task_group& group) -> task<> {
            for (unsigned index = 1; index < threads; ++index)
                group.spawn(run_elsewhere(*helpers[index - 1], *parts_[index]));
            co_await parts_.front()->run(std::move(source));
        });
    } catch (...) {
        failure = std::current_exception();
    }
    parts_.clear(); // nobody asks them any more
    co_await shield(no_timeout, wait_for_answers()); // from contexts that are about to end
    if (failure)
        std::rethrow_exception(failure);
}

task<> running_server::wait_for_answers()
{
    while (questions_->open != 0) {
        questions_->answered.reset();
        co_await questions_->answered.wait();
    }
}

/// Calls `ask(serving&)`, which returns a task, for each part in its context.
template <class F>
task<> running_server::ask_each(F ask)
{
    context& own = co_await this_context();
    const std::vector<std::shared_ptr<serving>> parts = parts_;
    const std::shared_ptr<questions> all = questions_;
    struct question {
        questions& among;
        ~question()
        {
            --among.open;
            among.answered.set();
        }
    } const asked{*all};
    ++all->open;
    const auto ask_one = [&](serving& part) -> task<> {
        const auto question = [&] { return ask(part); };
        if (&part.owner() == &own)
            co_await question();
        else
            co_await run_in(part.owner(), question);
    };
    co_await scope([&](task_group& group) -> task<> {
        for (const auto& each : parts)
            group.spawn(ask_one(*each));
        co_return;
    });
}

task<drain_report> running_server::drain(duration soft, duration hard, listening_sockets sockets)
{
    drain_report total;
    if (!runs_)
        co_return total;
    std::mutex adding;
    const auto drain_part = [&](serving& part) -> task<> {
        const drain_report report = co_await part.drain(soft, hard, sockets);
        const std::lock_guard lock(adding);
        total.finished += report.finished;
        total.cancelled += report.cancelled;
        total.aborted += report.aborted;
    };
    co_await ask_each(drain_part);
    co_return total;
}

task<std::vector<session_info>> running_server::inspect()
{
    std::vector<session_info> all;
    std::mutex adding;
    const auto inspect_part = [&](serving& part) -> task<> {
        std::vector<session_info> some = part.inspect();
        const std::lock_guard lock(adding);
        std::ranges::move(some, std::back_inserter(all));
        co_return;
    };
    co_await ask_each(inspect_part);
    co_return all;
}

} // namespace detail

server::server(address where, handler serve, server_options options)
    : server(std::vector{std::move(where)}, std::move(serve), options)
{
}

server::server(std::vector<address> where, handler serve, server_options options)
    : setup_(std::make_unique<detail::server_setup>())
{
    setup_->where = std::move(where);
    setup_->handler = std::move(serve);
    setup_->options = options;
    running_ = std::make_unique<detail::running_server>(*setup_);
}

server::~server() = default;

task<acceptor> server::listen() const
{
    context& own = co_await this_context();
    acceptor source(own, {});
    listen_options how;
    how.backlog = setup_->options.backlog;
    how.mode = setup_->options.mode;
    for (const address& each : setup_->where)
        source.add(co_await portico::listen(each, how));
    co_return source;
}

task<> server::run()
{
    running_->check_idle();
    acceptor source = co_await listen();
    co_await run(std::move(source));
}

task<> server::run(acceptor source)
{
    running_->check_idle();
    if (setup_->on_listening)
        setup_->on_listening(source.local_endpoints());
    co_await running_->run(std::move(source));
}

task<drain_report> server::drain(duration soft, duration hard, listening_sockets sockets)
{
    return running_->drain(soft, hard, sockets);
}

task<std::vector<session_info>> server::connections()
{
    return running_->inspect();
}

server_statistics server::statistics() const
{
    return running_->statistics();
}

std::vector<int> server::native_handles() const
{
    return running_->native_handles();
}

void server::on_listening(unique_function<void(const std::vector<endpoint>&)> hook)
{
    setup_->on_listening = std::move(hook);
}

void server::verify(unique_function<bool(const connection&)> hook)
{
    setup_->verify = std::move(hook);
}

void server::handshake(handler hook)
{
    setup_->handshake = std::move(hook);
}

void server::on_handshake_failed(unique_function<void(const closed_session&)> hook)
{
    setup_->on_handshake_failed = std::move(hook);
}

void server::on_accept(unique_function<void(const connection&)> hook)
{
    setup_->on_accept = std::move(hook);
}

void server::on_close(unique_function<void(const closed_session&)> hook)
{
    setup_->on_close = std::move(hook);
}

void server::on_error(unique_function<void(const connection&, const std::exception_ptr&)> hook)
{
    setup_->on_error = std::move(hook);
}

void server::every(duration interval, unique_function<void()> action)
{
    setup_->every.push_back({interval, std::move(action)});
}

void server::trust_proxies(std::vector<network> trusted)
{
    setup_->proxies = std::move(trusted);
}

} // namespace portico
