// resolver: what else of net looks at the names of hosts.
#pragma once

#include <portico/net/resolver.hpp>

namespace portico::inline v0_1::detail {

/// Why this cannot be the name of a host (RFC 1035 section 2.3.4); empty where it can.
std::string_view fault_of_name(std::string_view host) noexcept;

} // namespace portico::detail
