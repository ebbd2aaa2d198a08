// ticket_keys: see ticket_keys.hpp.
#include "ticket_keys.hpp"

#include <algorithm>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace portico::inline v0_1::tls::detail {

constexpr std::uint64_t spans_a_block = 1024;

ticket_keys::ticket_keys(std::chrono::seconds lifetime, const secret& origin)
    : lifetime_(std::max(lifetime, std::chrono::seconds(1))), block_(origin)
{
}

ticket_keys::~ticket_keys()
{
    OPENSSL_cleanse(&block_, sizeof block_);
    OPENSSL_cleanse(&span_, sizeof span_);
    OPENSSL_cleanse(&current_, sizeof current_);
    OPENSSL_cleanse(&previous_, sizeof previous_);
}

ticket_keys::secret ticket_keys::make_secret()
{
    secret made;
    if (RAND_bytes(made.data(), static_cast<int>(made.size())) != 1)
        throw error(errc::malformed, "set up TLS", {}, phase::none, "there are no random bytes");
    return made;
}

ticket_keys::secret ticket_keys::derive(const secret& from, std::string_view label)
{
    secret made;
    unsigned size = 0;
    if (HMAC(EVP_sha256(), from.data(), static_cast<int>(from.size()),
             reinterpret_cast<const unsigned char*>(label.data()), label.size(), made.data(), &size) == nullptr)
        throw std::bad_alloc();
    return made;
}

void ticket_keys::advance(time_point now)
{
    const auto since = std::max(now.time_since_epoch(), time_point::duration::zero());
    const auto wanted = static_cast<std::uint64_t>(since / lifetime_) + 1; // spans that have begun
    const std::scoped_lock lock(mutex_);
    if (wanted <= number_)
        return;
    for (const std::uint64_t block = (wanted - 1) / spans_a_block; number_ < block * spans_a_block;) {
        if (number_ % spans_a_block == 0)
            block_ = derive(block_, "next");
        number_ = (number_ / spans_a_block + 1) * spans_a_block;
        current_.reset(); // it is not the one before
    }
    while (number_ < wanted)
        step();
}

void ticket_keys::step()
{
    if (number_ % spans_a_block == 0) {
        span_ = derive(block_, "spans");
        block_ = derive(block_, "next");
    } else {
        span_ = derive(span_, "next");
    }
    ++number_;
    key made{{}, derive(span_, "cipher"), derive(span_, "mac")};
    const secret name = derive(span_, "name");
    std::copy_n(name.begin(), made.name.size(), made.name.begin());
    previous_ = std::exchange(current_, made);
}

int ticket_keys::on_ticket(unsigned char name[16], unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                           bool is_new)
{
    const std::scoped_lock lock(mutex_);
    const key* found = nullptr;
    for (const std::optional<key>* each : {&current_, &previous_})
        if (found == nullptr && *each && (is_new || std::equal((*each)->name.begin(), (*each)->name.end(), name)))
            found = &**each;
    if (found == nullptr)
        return 0; // no ticket, or a whole handshake
    if (is_new) {
        std::ranges::copy(found->name, name);
        if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
            return -1;
    }
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(found->mac.data()),
                                          found->mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    const auto begin = is_new ? EVP_EncryptInit_ex2 : EVP_DecryptInit_ex2;
    if (begin(cipher, EVP_aes_256_cbc(), found->cipher.data(), iv, nullptr) != 1
        || EVP_MAC_CTX_set_params(mac, parameters) != 1)
        return -1;
    return is_new || found == &*current_ ? 1 : 2; // 2: and a new one in its place
}

} // namespace portico::tls::detail
