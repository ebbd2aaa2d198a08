// address_selection: in which order the addresses of a host are tried (RFC 6724 section 6, RFC 8305 section 4). Pure:
// the caller brings what the system knows.
#pragma once

#include <portico/net/endpoint.hpp>
#include <vector>

namespace portico::inline v0_1::detail {

struct destination {
    endpoint to;
    endpoint from; ///< the address from which it would be sent to; none where there is no route
};

/// Sorts by RFC 6724, the best first; what its rules do not tell apart stays in order. Not rules 3, 4 and 7, which need
/// more about an interface than a program is told.
void sort_by_preference(std::vector<destination>& which);

/// Takes out the one to try next: the first of another family than the one tried before (none: the first of all), or,
/// where there is none of another, the first.
endpoint take_next(std::vector<destination>& sorted, enum endpoint::family tried_before);

} // namespace portico::detail
