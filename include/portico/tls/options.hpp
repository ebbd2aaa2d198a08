// What clients and servers of TLS choose alike.
#pragma once

#include <string>

/// TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) over any connection, by OpenSSL 3.
namespace portico::inline v0_1::tls {

/// A version of the protocol; older ones are not spoken.
enum class protocol_version : unsigned char { tls1_2, tls1_3 };

/// Its name: `TLS 1.3`.
std::string_view to_string(protocol_version which) noexcept;

/// A certificate and its private key, in PEM files. Behind the certificate, its file has those of the authorities that
/// stand between it and one that the peer trusts, in this order. A key that is encrypted is not read.
struct certificate_files {
    std::string certificate; ///< the path of one
    std::string key;         ///< the path of the other; empty: in the certificate's file
};

} // namespace portico::tls
