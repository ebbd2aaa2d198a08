// prefork: fork(2), waitpid(2), sigtimedwait(2). See prefork.hpp.
#include "prefork.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace portico::inline v0_1::detail {

using namespace std::chrono_literals;

namespace {

constexpr duration shortest_life = 1s; // of a child that is replaced at once
constexpr duration first_back_off = 100ms, longest_back_off = 10s;
constexpr duration grace = 5s; // for children, after the hard limit of their drain

int ready_signal() noexcept
{
    return SIGRTMIN + 1;
}

} // namespace

prefork::prefork(service_target& target, const serve_options& options, service_start start)
    : target_(target), options_(options), start_(std::move(start)), own_(std::make_unique<context>()),
      children_(options.prefork)
{
    if (!options.hand_over.empty())
        throw misuse("serve: prefork and hand_over do not go together");
    own_->on_report([](const report& what) { print(what.text); });
    ::sigemptyset(&signals_);
    for (const int each : {SIGTERM, SIGINT, SIGUSR1, SIGCHLD, hurry_signal(), ready_signal()})
        ::sigaddset(&signals_, each);
    if (options.on_reload)
        ::sigaddset(&signals_, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

prefork::~prefork()
{
    close_sockets();
    const timespec now{};
    while (::sigtimedwait(&signals_, nullptr, &now) > 0) // what came too late would end the program
        ;
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void prefork::close_sockets()
{
    for (const std::string& each : std::exchange(files_, {}))
        (void)own_->backend().remove_file(each);
    start_.sockets.clear();
}

int prefork::run()
{
    own_->run(open_sockets());
    struct sigaction usual{}, found{};
    usual.sa_handler = SIG_DFL; // ignored, it would leave nothing to wait for
    ::sigaction(SIGCHLD, &usual, &found);
    supervise();
    ::sigaction(SIGCHLD, &found, nullptr);
    return 0;
}

task<> prefork::open_sockets()
{
    const bool adopted = target_.adopt(*own_, start_.sockets);
    if (!adopted)
        co_await target_.open();
    status_ = fmt::format("{} processes, serving at", options_.prefork);
    for (const endpoint& each : target_.endpoints()) {
        status_ += " " + to_string(each);
        if (!adopted && each.has_file())
            files_.emplace_back(each.path());
    }
    start_.sockets = target_.release();
}

void prefork::supervise()
{
    if (start_.manager.ping_interval() != no_timeout)
        ping_at_ = own_->now();
    for (child& each : children_)
        start(each);
    while (stops_ == 0 || any_lives()) {
        const duration left = time_left(next_moment(), own_->now());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec limit{static_cast<time_t>(seconds.count()), static_cast<long>((left - seconds).count())};
        siginfo_t what{};
        if (::sigtimedwait(&signals_, &what, left == no_timeout ? nullptr : &limit) > 0)
            on_signal(what);
        on_time();
    }
}

void prefork::start(child& which)
{
    which.started = own_->now();
    which.ready = false;
    const pid_t parent = ::getpid();
    std::fflush(nullptr); // what is buffered is written once
    const pid_t process = ::fork();
    if (process == 0)
        run_child(parent);
    if (process > 0) {
        which.process = process;
        return;
    }
    print(fmt::format("fork: {}", std::error_code(errno, std::system_category()).message()));
    which.back_off = std::clamp(which.back_off * 2, first_back_off, longest_back_off);
    which.start_at = add(which.started, which.back_off);
}

void prefork::run_child(pid_t parent) noexcept
{
    // The parent's is left as it is: a thread may have held its locks, which are closed for ever then.
    [[maybe_unused]] const context* const parents = own_.release();
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    if (::getppid() != parent) // it has died meanwhile
        ::_exit(1);
    service_start start;
    start.sockets = std::move(start_.sockets);
    start.on_watching = [this] { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); };
    start.on_ready = [parent] { ::sigqueue(parent, ready_signal(), {}); };
    service own(target_, options_, std::move(start)); // never destroyed: it takes the signals to the end
    const int status = own.run();
    std::fflush(nullptr);
    ::_exit(status); // the rest of the program is the parent's
}

time_point prefork::next_moment()
{
    time_point first = std::min(ping_at_, kill_at_);
    for (const child& each : children_)
        if (each.process == 0 && stops_ == 0)
            first = std::min(first, each.start_at);
    return first;
}

void prefork::on_signal(const siginfo_t& what)
{
    switch (what.si_signo) {
    case SIGTERM: case SIGINT: return stop(what.si_signo);
    case SIGCHLD: return reap();
    case SIGUSR1: return send_to_all(SIGUSR1);
    case SIGHUP:
        for (child& each : children_)
            each.ready = false;
        announced_ = false;
        tell(start_.manager.reloading());
        reload(options_); // for the children that are still to come
        return send_to_all(SIGHUP);
    default:
        if (what.si_signo == ready_signal())
            on_ready(what.si_pid);
    }
}

void prefork::on_ready(pid_t process)
{
    for (child& each : children_)
        each.ready |= each.process == process;
    if (announced_ || stops_ != 0 || !std::ranges::all_of(children_, &child::ready))
        return;
    announced_ = true;
    tell(start_.manager.ready(status_));
}

void prefork::stop(int number)
{
    if (stops_++ == 0) {
        kill_at_ = add(add(own_->now(), options_.hard), grace);
        close_sockets(); // else clients would wait in the backlog for nobody
        send_to_all(number);
        tell(start_.manager.stopping("draining"));
    } else {
        send_to_all(hurry_signal());
    }
}

void prefork::reap()
{
    for (child& each : children_) {
        int status = 0;
        if (each.process != 0 && ::waitpid(each.process, &status, WNOHANG) == each.process)
            on_death(each, status);
    }
}

void prefork::on_death(child& which, int status)
{
    const pid_t process = std::exchange(which.process, 0);
    const time_point now = own_->now();
    const bool short_lived = now - which.started < shortest_life;
    which.back_off = short_lived ? std::clamp(which.back_off * 2, first_back_off, longest_back_off) : duration(0);
    which.start_at = add(now, which.back_off);
    which.ready = false;
    std::string end = fmt::format("ended with status {}", WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        end = fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                          ::strsignal(WTERMSIG(status))); // NOLINT(concurrency-mt-unsafe): there is one thread
    if (stops_ == 0)
        print(fmt::format("process {} {}; another one takes its place in {} ms", process, end, which.back_off / 1ms));
    else if (status != 0)
        print(fmt::format("process {} {}", process, end));
}

void prefork::on_time()
{
    const time_point now = own_->now();
    if (now >= kill_at_) {
        send_to_all(SIGKILL);
        kill_at_ = time_point::max();
    }
    for (child& each : children_)
        if (each.process == 0 && stops_ == 0 && now >= each.start_at)
            start(each);
    if (now < ping_at_)
        return;
    ping_at_ = add(now, start_.manager.ping_interval());
    if (std::ranges::all_of(children_, [](const child& each) { return each.process != 0; }) || stops_ != 0)
        tell(start_.manager.ping());
}

void prefork::send_to_all(int number) noexcept
{
    for (const child& each : children_)
        if (each.process != 0)
            ::kill(each.process, number);
}

bool prefork::any_lives() const noexcept
{
    return std::ranges::any_of(children_, [](const child& each) { return each.process != 0; });
}

} // namespace portico::detail
