// peer_failure: what is wrong with what a peer has sent, as an error of ours and in words for a person.
#pragma once

#include "openssl.hpp"

namespace portico::inline v0_1::tls::detail {

struct peer_failure {
    errc code;
    std::string detail;
};

/// Of an error that OpenSSL has noted while it read or wrote; 0: of a stream that has ended without a word.
peer_failure describe_failure(unsigned long code, bool established);

} // namespace portico::tls::detail
