// portico: everything that a program on sockets needs. Protocols have headers of their own.
#pragma once

#include <portico/bytes.hpp>
#include <portico/core/channel.hpp>
#include <portico/core/context.hpp>
#include <portico/core/deadline.hpp>
#include <portico/core/event.hpp>
#include <portico/core/run_in.hpp>
#include <portico/core/run_on_thread.hpp>
#include <portico/core/scope.hpp>
#include <portico/core/task.hpp>
#include <portico/core/when.hpp>
#include <portico/error.hpp>
#include <portico/net/acceptor.hpp>
#include <portico/net/connection.hpp>
#include <portico/net/connector.hpp>
#include <portico/net/datagram_socket.hpp>
#include <portico/net/endpoint.hpp>
#include <portico/net/lines.hpp>
#include <portico/net/resolver.hpp>
#include <portico/net/writer.hpp>
#include <portico/server/client.hpp>
#include <portico/server/datagram_server.hpp>
#include <portico/server/run.hpp>
#include <portico/server/server.hpp>
#include <portico/version.hpp>
