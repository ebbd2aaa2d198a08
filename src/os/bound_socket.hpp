// bound_socket: a socket of the system that may have made a file, from bind to close.
#pragma once

#include "bound_path.hpp"
#include "readiness.hpp"

namespace portico::inline v0_1::os {

template <class Interface>
class bound_socket : public os_socket<Interface> {
public:
    bound_socket(backend& outside, descriptor handle, bound_path path)
        : os_socket<Interface>(outside, std::move(handle)), path_(std::move(path)) {}

    void close() noexcept override
    {
        path_.remove();
        this->close_handle();
    }
    /// The file of a Unix socket stays then.
    int release_handle() noexcept override
    {
        path_.forget();
        return this->take_handle();
    }

private:
    bound_path path_;
};

} // namespace portico::os
