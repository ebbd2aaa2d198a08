// exit_status: what the program says to scripts. Spelled as curl's, so that they know it.
#pragma once

#include <portico/error.hpp>

namespace http_get {

enum exit_status : int {
    success = 0,
    refused_scheme = 1,
    wrong_usage = 2,
    malformed_url = 3,
    unknown_proxy = 5,
    unknown_host = 6,
    cannot_connect = 7,
    weird_reply = 8,
    partial_file = 18,
    http_error = 22,
    cannot_write = 23,
    cannot_read = 26,
    timed_out = 28,
    cannot_resume = 33,
    handshake_failed = 35,
    too_many_redirects = 47,
    empty_reply = 52,
    connection_failed = 56,
    bad_own_certificate = 58,
    untrusted = 60,
    bad_encoding = 61,
    too_large = 63,
    bad_ca_file = 77,
    wrong_public_key = 90,
    proxy_failed = 97,
    wrong_hash = 110, ///< which curl does not know
    interrupted = 130,
};

/// The status for what prevented a download.
exit_status status_of(const portico::error& failure);

} // namespace http_get
