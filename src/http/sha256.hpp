// sha256: the hash of what is downloaded, while it is written (FIPS 180-4), by OpenSSL.
#pragma once

#include <memory>
#include <openssl/evp.h>
#include <portico/bytes.hpp>
#include <string>

namespace portico::inline v0_1::http {

class sha256 {
public:
    sha256();
    void reset(); ///< of nothing
    void update(bytes data);
    /// In hexadecimal, lower case. Then `reset`.
    std::string finish();

private:
    struct release {
        void operator()(EVP_MD_CTX* which) const noexcept;
    };
    std::unique_ptr<EVP_MD_CTX, release> state_;
};

} // namespace portico::http
