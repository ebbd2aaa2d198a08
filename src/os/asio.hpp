// The parts of Asio that the OS backend uses; differences between its versions live here and nowhere else.
#pragma once

// Before Asio: its configuration depends on what libstdc++ has said of itself by then, and must be the same everywhere.
#include <memory>

#include <asio/any_io_executor.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/bind_executor.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
