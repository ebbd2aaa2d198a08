// resolver_threads: getaddrinfo on a few threads, none of which is ever waited for.
#pragma once

#include "threads.hpp"

#include <portico/core/backend.hpp>
#include <portico/net/endpoint.hpp>

namespace portico::inline v0_1::os {

/// Look-ups that run when this is destroyed end when they end, with nobody to tell.
class resolver_threads {
public:
    /// Call `done` on a thread, or here and now where none can be started.
    void resolve(const resolve_query& query, portico::backend::resolved done);
    void resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done);

private:
    threads threads_{16}; // what look-ups that hang, two a connect, may occupy before others have to wait for them
};

} // namespace portico::os
