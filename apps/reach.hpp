// reach: connections as --resolve, --connect-to, --unix-socket, -4 and -6 have them.
#pragma once

#include "display.hpp"
#include "options.hpp"

#include <portico/net/connection.hpp>

namespace http_get {

/// Connects to a host or a proxy. With -v it says so. What it refers to outlives it.
portico::task<portico::connection> reach(const settings& chosen, display& shown, portico::address to,
                                         portico::connect_options how);

/// The addresses that --resolve gives a host; none where it says nothing.
std::vector<portico::endpoint> known_addresses(const settings& chosen, const portico::address& which);

} // namespace http_get
