// run and serve: for `main`. They alone take signals and write to standard error.
#pragma once

#include <portico/server/server.hpp>

namespace portico::inline v0_1 {

/// Runs `main` in a context of its own and returns its value as an exit status. SIGINT and SIGTERM cancel it: the
/// status is then 128 and the signal's number, as a shell has it; a second signal ends the program at once. An
/// exception, and every report of the context, is written to standard error; the status of an exception is 1.
int run(task<int> main);

/// Listens and serves until SIGINT or SIGTERM, and returns 0; or 1 where it cannot listen, with the reason on standard
/// error.
int serve(address where, handler serve, server_options options = {});
/// The same with a server that has been set up otherwise.
int serve(server& which);

} // namespace portico
