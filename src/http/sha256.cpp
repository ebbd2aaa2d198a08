// sha256: see sha256.hpp.
#include "http/sha256.hpp"

#include <new>
#include <portico/error.hpp>

namespace portico::inline v0_1::http {

namespace {

void check(int outcome)
{
    if (outcome != 1)
        throw error(std::make_error_code(std::errc::not_supported), "compute SHA-256");
}

} // namespace

void sha256::release::operator()(EVP_MD_CTX* which) const noexcept
{
    EVP_MD_CTX_free(which);
}

sha256::sha256() : state_(EVP_MD_CTX_new())
{
    if (state_ == nullptr)
        throw std::bad_alloc();
    reset();
}

void sha256::reset()
{
    check(EVP_DigestInit_ex(state_.get(), EVP_sha256(), nullptr));
}

void sha256::update(bytes data)
{
    check(EVP_DigestUpdate(state_.get(), data.data(), data.size()));
}

std::string sha256::finish()
{
    unsigned char value[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    check(EVP_DigestFinal_ex(state_.get(), value, &size));
    reset();
    std::string result;
    for (unsigned i = 0; i < size; ++i)
        for (const int digit : {value[i] >> 4, value[i] & 15})
            result += "0123456789abcdef"[digit];
    return result;
}

} // namespace portico::http
