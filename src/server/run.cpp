// run and serve: signals, standard error and the exit status.
#include <portico/server/run.hpp>

#include "prefork.hpp"
#include "service.hpp"

#include <csignal>

namespace portico::inline v0_1 {

int run(task<int> main)
{
    int signal = 0; // that cancelled it
    context own;
    own.on_report([](const report& what) { detail::print(what.text); });
    own.backend().watch_signals({SIGINT, SIGTERM}, [&](int number) {
        signal = number;
        own.backend().watch_signals({}, {}); // the next one has its usual effect
        own.cancel();
    });
    try {
        return own.run(std::move(main));
    } catch (const cancelled&) {
        return 128 + signal;
    } catch (const std::exception& failure) {
        detail::print(failure.what());
        return 1;
    }
}

namespace {

int serve(detail::service_target& target, const serve_options& options)
{
    try {
        detail::service_start start;
        for (inherited_socket& each : take_inherited_sockets())
            start.sockets.push_back(std::move(each.socket));
        start.manager = service_manager::from_environment();
        if (options.prefork != 0)
            return detail::prefork(target, options, std::move(start)).run();
        return detail::service(target, options, std::move(start)).run();
    } catch (const std::exception& failure) {
        detail::print(failure.what());
        return 1;
    }
}

} // namespace

int serve(server& which, serve_options options)
{
    detail::stream_target target(which);
    return serve(target, options);
}

int serve(datagram_server& which, serve_options options)
{
    detail::datagram_target target(which);
    return serve(target, options);
}

int serve(address where, handler serve_connection, server_options options, serve_options how)
{
    server own(std::move(where), std::move(serve_connection), options);
    return serve(own, std::move(how));
}

} // namespace portico
