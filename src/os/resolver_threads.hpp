// resolver_threads: getaddrinfo on a few threads, none of which is ever waited for.
#pragma once

#include <memory>
#include <portico/core/backend.hpp>
#include <portico/net/endpoint.hpp>

namespace portico::inline v0_1::os {

/// At most 16 at a time; further look-ups wait for one to end.
class resolver_threads {
public:
    resolver_threads();
    /// Look-ups that have not begun are dropped; those that run end when they end, with nobody to tell.
    ~resolver_threads();

    /// Call `done` on one of the threads, or here and now where none can be started.
    void resolve(const resolve_query& query, portico::backend::resolved done);
    void resolve_names(const endpoint& which, unique_function<void(result<resolved_names>)> done);

private:
    struct shared;
    using job = unique_function<void(std::error_code refused)>; // an error: there is no thread for it
    void add(job next);
    std::shared_ptr<shared> shared_;
};

} // namespace portico::os
