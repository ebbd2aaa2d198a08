// OpenSSL's errors as ours.
#include "openssl.hpp"

#include <openssl/pem.h>

namespace portico::inline v0_1::tls::detail {

std::string reason_of(unsigned long code)
{
    const char* const reason = ERR_reason_error_string(code);
    return reason == nullptr ? std::string() : reason;
}

void fail_with_file(const std::string& operation, const std::string& path, const std::string& otherwise)
{
    std::error_code code = errc::malformed;
    std::string detail = otherwise;
    while (const unsigned long each = ERR_get_error())
        if (ERR_GET_LIB(each) == ERR_LIB_SYS)
            code = {ERR_GET_REASON(each), std::system_category()};
        else if (ERR_GET_LIB(each) == ERR_LIB_PEM && ERR_GET_REASON(each) == PEM_R_BAD_PASSWORD_READ)
            detail = "the key is encrypted";
        else if (ERR_GET_LIB(each) == ERR_LIB_X509 && ERR_GET_REASON(each) == X509_R_KEY_VALUES_MISMATCH)
            detail = "it is the key of another certificate";
    if (code != errc::malformed)
        detail.clear();
    throw error(code, operation, path, phase::none, detail);
}

} // namespace portico::tls::detail
