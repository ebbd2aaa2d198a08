// exit_status: see exit_status.hpp.
#include "exit_status.hpp"

#include <portico/tls/certificate_error.hpp>
#include <string_view>

namespace http_get {

namespace {

struct known_operation {
    std::string_view name;
    exit_status status;
};

constexpr known_operation known_operations[] = {
    {"parse URL", malformed_url},
    {"parse proxy", unknown_proxy},
    {"resolve", unknown_host},
    {"connect to", cannot_connect},
    {"connect through a proxy to", cannot_connect},
    {"connect through proxy", connection_failed},
    {"TLS handshake with", handshake_failed},
    {"set up TLS", wrong_usage},
    {"read certificate", bad_own_certificate},
    {"read private key", bad_own_certificate},
    {"read CA certificates", bad_ca_file},
    {"read public key", wrong_public_key},
    {"read option", cannot_read},
    {"parse netrc", cannot_read},
    {"check file", wrong_hash},
    {"resume", cannot_resume},
    {"decode response", bad_encoding},
    {"wait for a response", empty_reply},
};

} // namespace

exit_status status_of(const portico::error& failure)
{
    const std::string& operation = failure.operation();
    if (failure.code() == portico::errc::timed_out)
        return timed_out;
    if (const auto* const verdict = dynamic_cast<const portico::tls::certificate_error*>(&failure))
        return verdict->reason() == 0 ? wrong_public_key : untrusted;
    if (operation == "redirect")
        return failure.code() == portico::errc::limit_exceeded ? too_many_redirects : refused_scheme;
    // A header without end is no reply; a body or a file that is too large says so.
    const bool of_body = operation == "decode response" || failure.detail().starts_with("the body has more bytes")
                         || failure.detail().starts_with("the file has");
    if (failure.code() == portico::errc::limit_exceeded && of_body)
        return too_large;
    if (operation == "connect to" && failure.detail().starts_with("the proxy "))
        return proxy_failed;
    for (const known_operation& each : known_operations)
        if (operation == each.name)
            return each.status;
    if (operation.ends_with(" file") || operation.ends_with(" folder"))
        return cannot_write;
    if (dynamic_cast<const portico::reply_error*>(&failure) != nullptr)
        return http_error;
    if (failure.code() == portico::errc::truncated)
        return partial_file;
    if (operation == "read response")
        return weird_reply;
    return connection_failed;
}

} // namespace http_get
