// The door for Asio users: portico on an io_context of theirs. The only public headers that include Asio are these.
#pragma once

#include <portico/asio/context.hpp>
#include <portico/asio/sockets.hpp>
#include <portico/asio/start.hpp>
#include <portico/asio/stream.hpp>
#include <portico/asio/use_operation.hpp>
