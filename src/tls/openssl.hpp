// OpenSSL's objects as owners, and its errors as ours.
#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <portico/error.hpp>
#include <string>

namespace portico::inline v0_1::tls::detail {

template <auto free>
struct deleter {
    template <class T>
    void operator()(T* which) const noexcept
    {
        free(which);
    }
};

using bio_pointer = std::unique_ptr<BIO, deleter<BIO_free>>;
using ssl_context_pointer = std::unique_ptr<SSL_CTX, deleter<SSL_CTX_free>>;
using ssl_pointer = std::unique_ptr<SSL, deleter<SSL_free>>;
using session_pointer = std::unique_ptr<SSL_SESSION, deleter<SSL_SESSION_free>>;
using certificate_pointer = std::unique_ptr<X509, deleter<X509_free>>;
using key_pointer = std::unique_ptr<EVP_PKEY, deleter<EVP_PKEY_free>>;
using names_pointer = std::unique_ptr<GENERAL_NAMES, deleter<GENERAL_NAMES_free>>;

/// Errors of this thread from before are not those of the next call.
inline void forget_errors() noexcept
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/// OpenSSL's words for an error; empty where it has none.
std::string reason_of(unsigned long code);

/// What OpenSSL has given; throws where that is nothing, for want of memory.
template <class T>
T* check(T* made)
{
    if (made == nullptr)
        throw std::bad_alloc();
    return made;
}

/// Throws why a file could not be used: the system's reason, or that it does not hold what it should.
[[noreturn]] void fail_with_file(const std::string& operation, const std::string& path, const std::string& otherwise);

} // namespace portico::tls::detail
