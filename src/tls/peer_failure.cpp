// peer_failure: see peer_failure.hpp.
#include "peer_failure.hpp"

#include <fmt/format.h>

namespace portico::inline v0_1::tls::detail {

namespace {

/// What a person makes of an alert (RFC 8446 section 6.2).
std::string describe_alert(int alert)
{
    const auto because = [&](const char* what) {
        return fmt::format("{} (alert {}, {})", what, alert, SSL_alert_desc_string_long(alert));
    };
    switch (alert) {
    case SSL_AD_UNKNOWN_CA: return because("the peer does not trust our certificate");
    case SSL_AD_CERTIFICATE_EXPIRED: return because("the peer finds that our certificate has expired");
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN: return because("the peer does not accept our certificate");
    case SSL_AD_CERTIFICATE_REQUIRED: return because("the peer requires a certificate of ours");
    case SSL_AD_PROTOCOL_VERSION: return because("the peer speaks none of the versions of TLS that are allowed here");
    case SSL_AD_NO_APPLICATION_PROTOCOL:
        return because("the peer speaks none of the application protocols that are offered");
    case SSL_AD_HANDSHAKE_FAILURE: return because("the peer refuses what is offered");
    default: return because("the peer refuses to go on");
    }
}

std::string describe_reason(unsigned long code)
{
    switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return "the peer speaks HTTP without TLS (" + reason_of(code) + ")";
    case SSL_R_WRONG_VERSION_NUMBER: return "the peer does not speak TLS (" + reason_of(code) + ")";
    case SSL_R_UNSUPPORTED_PROTOCOL:
        return "the peer speaks none of the versions of TLS that are allowed here (" + reason_of(code) + ")";
    default: return reason_of(code);
    }
}

bool is_reason(unsigned long code, int reason) noexcept
{
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == reason;
}

} // namespace

peer_failure describe_failure(unsigned long code, bool established)
{
    if (code == 0 || is_reason(code, SSL_R_UNEXPECTED_EOF_WHILE_READING))
        return {errc::truncated, established ? "the stream was cut off: it ended without TLS's close_notify"
                                             : "the peer closed the connection during the handshake"};
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET)
        return {errc::refused, describe_alert(ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET)};
    if (is_reason(code, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE))
        return {errc::untrusted, "the peer has shown no certificate, which is required"};
    return {errc::malformed, describe_reason(code)};
}

} // namespace portico::tls::detail
