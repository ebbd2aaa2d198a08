// resolver_threads: getaddrinfo on a few threads, none of which is ever waited for.
#pragma once

#include <memory>
#include <portico/core/function.hpp>
#include <portico/error.hpp>
#include <portico/net/endpoint.hpp>
#include <string>
#include <vector>

namespace portico::os {

class resolver_threads {
public:
    using resolved = unique_function<void(result<std::vector<endpoint>>)>;

    resolver_threads();
    /// Look-ups that have not begun are dropped; those that run end when they end, with nobody to tell.
    ~resolver_threads();

    /// Calls `done` on one of the threads.
    void resolve(std::string host, std::uint16_t port, resolved done);

private:
    struct shared;
    std::shared_ptr<shared> shared_;
};

} // namespace portico::os
