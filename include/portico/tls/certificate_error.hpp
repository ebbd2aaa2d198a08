// certificate_error: the peer could not show that it is who it should be.
#pragma once

#include <portico/error.hpp>

namespace portico::inline v0_1::tls {

/// The peer's certificate is not accepted, or there is none. `detail()` says why, in words: `certificate of localhost
/// expired on 2025-01-01`. The code is `errc::untrusted`.
class certificate_error : public error {
public:
    /// `detail` says why; for `reason` see there.
    certificate_error(std::string operation, std::string target, std::string detail, int reason)
        : error(errc::untrusted, std::move(operation), std::move(target), phase::none, std::move(detail)),
          reason_(reason) {}
    /// What OpenSSL has found (X509_V_ERR_..., see openssl-verify(1)); 0 where it has found nothing, but the key is
    /// none of those that are pinned, or there is no certificate.
    int reason() const noexcept { return reason_; }
    [[noreturn]] void raise() const override { throw *this; }
    std::shared_ptr<const error> clone() const override { return std::make_shared<const certificate_error>(*this); }

private:
    int reason_;
};

} // namespace portico::tls
