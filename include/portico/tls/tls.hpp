// TLS: everything of portico::tls.
#pragma once

#include <portico/tls/certificate_error.hpp>
#include <portico/tls/client_context.hpp>
#include <portico/tls/connection_info.hpp>
#include <portico/tls/handshake.hpp>
#include <portico/tls/server_context.hpp>
