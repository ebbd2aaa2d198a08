// context: the ready queue, the alarm and the main task.
#include <portico/core/context.hpp>

#include <algorithm>
#include <new>

namespace portico::inline v0_1 {

std::string what_of(const std::exception_ptr& cause)
{
    try {
        std::rethrow_exception(cause);
    } catch (const std::exception& each) {
        return each.what();
    } catch (...) {
        return "an exception of an unknown type";
    }
}

context::context() : context(make_os_backend()) {}

context::context(std::unique_ptr<portico::backend> outside)
    : backend_(std::move(outside)), wheel_(backend_->now()), root_(*this),
      streams_(*new detail::stream_group(*this)), started_(root_)
{
    backend_->attach(*this);
    buffers_.reserve(kept_buffers);
}

context::~context() = default;

void detail::stream_group::pointer::destroy(stream_group* which) noexcept
{
    delete which;
}

void context::report(const portico::report& what) noexcept
{
    if (sink_)
        sink_(what);
}

namespace {

class main_owner final : public detail::task_owner {
public:
    main_owner(backend& outside, bool& done) : outside_(outside), done_(done) {}
    void on_done(detail::promise_base&) noexcept override
    {
        done_ = true;
        outside_.stop();
    }

private:
    backend& outside_;
    bool& done_;
};

} // namespace

void context::run_until_done(detail::promise_base& main)
{
    bool done = false;
    main_owner owner(*backend_, done);
    main.owner = &owner;
    main.scope = &root_;
    struct use {
        context& own;
        explicit use(context& used) : own(used) { own.begin_task(); }
        ~use() { own.end_task(); }
    } const using_it(*this);
    begin_turn();
    detail::resume(main);
    if (!done)
        backend_->run();
    if (!done)
        throw misuse("context::run: the loop was stopped before the main task had ended");
}

namespace {

task<> tell_when_done(task<> main, unique_function<void(std::exception_ptr)> done)
{
    std::exception_ptr failure;
    try {
        task<> running = std::move(main); // what it holds is gone when its end is told
        co_await std::move(running);
    } catch (...) {
        failure = std::current_exception();
    }
    done(failure);
}

} // namespace

void context::start(task<> main, unique_function<void(std::exception_ptr)> done)
{
    auto end = [this, done = std::move(done)](std::exception_ptr failure) {
        backend_->poster()([this] { end_task(); });
        try {
            done(std::move(failure));
        } catch (...) {
            report(portico::report("what is called when a task has ended has thrown", std::current_exception()));
        }
    };
    const auto starting = std::make_shared<task<>>(tell_when_done(std::move(main), std::move(end)));
    backend_->poster()([this, starting] {
        begin_task();
        begin_turn();
        started_.spawn(std::move(*starting));
    });
}

void context::begin_task() noexcept
{
    if (tasks_++ != 0)
        return;
    backend_->set_working(true);
    on_alarm(); // timers may have been left when the last task ended
}

void context::end_task() noexcept
{
    if (--tasks_ != 0)
        return;
    backend_->set_alarm(alarm_ = time_point::max()); // it would keep the caller's loop running
    backend_->set_working(false);
}

void context::request_cancel()
{
    backend_->poster()([this] { cancel(); });
}

void context::make_ready(operation& which) noexcept
{
    ready_.push_back(which);
    if (!run_requested_) {
        run_requested_ = true;
        backend_->request_run();
    }
}

void context::run_ready() noexcept
{
    run_requested_ = false;
    detail::intrusive_list<operation, operation_tag> turn;
    turn.splice(ready_);
    while (!turn.empty()) {
        operation& each = turn.pop_front();
        begin_turn();
        each.ready();
    }
}

void context::set_timer(detail::timer& which, time_point expiry) noexcept
{
    wheel_.set(which, expiry);
    if (which.expiry() < alarm_) {
        alarm_ = which.expiry();
        backend_->set_alarm(alarm_);
    }
}

void context::on_alarm() noexcept
{
    alarm_ = time_point::max();
    wheel_.advance(backend_->now());
    const time_point next = wheel_.next();
    if (next < alarm_ && tasks_ != 0) {
        alarm_ = next;
        backend_->set_alarm(alarm_);
    }
}

char* context::borrow_buffer() noexcept
{
    if (buffers_.empty())
        return new (std::nothrow) char[buffer_size];
    char* const buffer = buffers_.back().release();
    buffers_.pop_back();
    return buffer;
}

void context::return_buffer(char* buffer) noexcept
{
    if (buffers_.size() < kept_buffers)
        buffers_.emplace_back(buffer);
    else
        delete[] buffer;
}

} // namespace portico
