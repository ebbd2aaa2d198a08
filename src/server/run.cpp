// run and serve: signals, standard error and the exit status.
#include <portico/server/run.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace portico::inline v0_1 {

namespace {

void print(const std::string& line)
{
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, line.c_str());
}

struct outcome {
    int status = 1;
    int signal = 0; // that cancelled it; 0 for none
};

outcome run_with_signals(task<int> main)
{
    outcome ended;
    context own;
    own.on_report([](const report& what) { print(what.text); });
    own.backend().watch_signals({SIGINT, SIGTERM}, [&](int number) {
        ended.signal = number;
        own.backend().watch_signals({}, {}); // the next one has its usual effect
        own.cancel();
    });
    try {
        ended.status = own.run(std::move(main));
    } catch (const cancelled&) {
        ended.status = 128 + ended.signal;
    } catch (const std::exception& failure) {
        print(failure.what());
    }
    return ended;
}

task<int> run_server(server& which)
{
    co_await which.run();
    co_return 0;
}

} // namespace

int run(task<int> main)
{
    return run_with_signals(std::move(main)).status;
}

int serve(server& which)
{
    const outcome ended = run_with_signals(run_server(which));
    return ended.signal != 0 ? 0 : ended.status;
}

int serve(address where, handler serve_connection, server_options options)
{
    server own(std::move(where), std::move(serve_connection), options);
    return serve(own);
}

} // namespace portico
