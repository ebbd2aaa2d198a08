// verification: see verification.hpp.
#include "verification.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <portico/net/endpoint.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::tls::detail {

namespace {

constexpr std::string_view pin_prefix = "sha256//";

std::string text_of(const ASN1_STRING* which)
{
    if (which == nullptr)
        return {};
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(which)),
            static_cast<std::size_t>(ASN1_STRING_length(which))};
}

std::string address_of(const ASN1_STRING* which)
{
    const std::string octets = text_of(which);
    if (octets.size() == 4) {
        std::array<std::uint8_t, 4> address{};
        std::ranges::copy(octets, address.begin());
        return address_text(endpoint::ipv4(address, 0));
    }
    if (octets.size() == 16) {
        std::array<std::uint8_t, 16> address{};
        std::ranges::copy(octets, address.begin());
        return address_text(endpoint::ipv6(address, 0));
    }
    return "an address of " + std::to_string(octets.size()) + " bytes";
}

std::string common_name(const X509_NAME* of)
{
    const int index = X509_NAME_get_index_by_NID(of, NID_commonName, -1);
    return index < 0 ? std::string() : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(of, index)));
}

std::string one_line(const X509_NAME* name)
{
    const bio_pointer memory(check(BIO_new(BIO_s_mem())));
    X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

// A peer has chosen it.
std::string shown(const std::string& text)
{
    return text::escape(text, 200);
}

struct alternative_name {
    const char* kind; ///< with a colon behind
    std::string name;
};

/// Whom a certificate is for.
std::vector<alternative_name> names_of(X509& which)
{
    std::vector<alternative_name> found;
    const names_pointer names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&which, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        int type = 0;
        const auto* const value = static_cast<const ASN1_STRING*>(
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type));
        switch (type) {
        case GEN_DNS: found.push_back({"DNS:", text_of(value)}); break;
        case GEN_IPADD: found.push_back({"IP:", address_of(value)}); break;
        case GEN_EMAIL: found.push_back({"email:", text_of(value)}); break;
        case GEN_URI: found.push_back({"URI:", text_of(value)}); break;
        default: break;
        }
    }
    return found;
}

/// By what a person knows a certificate.
std::string subject_of(X509& which)
{
    std::string name = common_name(X509_get_subject_name(&which));
    if (name.empty()) {
        const std::vector<alternative_name> names = names_of(which);
        name = names.empty() ? one_line(X509_get_subject_name(&which)) : names.front().name;
    }
    return name.empty() ? "without a name" : "of " + shown(name);
}

std::string issuer_of(X509& which)
{
    const std::string name = common_name(X509_get_issuer_name(&which));
    return shown(name.empty() ? one_line(X509_get_issuer_name(&which)) : name);
}

std::string date_of(const ASN1_TIME* when)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(when, &parts) != 1)
        return "a malformed date";
    return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string describe_names(X509& which)
{
    constexpr std::size_t most = 3;
    const std::vector<alternative_name> names = names_of(which);
    std::string list;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i)
        list += (list.empty() ? "" : ", ") + shown(names[i].name);
    if (names.size() > most)
        list += fmt::format(" and {} more", names.size() - most);
    return list;
}

std::string describe_fault(int reason, X509& which, const std::string& host, int depth)
{
    const std::string what = (depth == 0 ? "certificate " : "authority's certificate ") + subject_of(which);
    switch (reason) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return what + " expired on " + date_of(X509_get0_notAfter(&which));
    case X509_V_ERR_CERT_NOT_YET_VALID: return what + " is not valid before " + date_of(X509_get0_notBefore(&which));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
        const std::string names = describe_names(which);
        return names.empty() ? what + " names no host, and so is not for " + host
                             : "certificate is for " + names + ", not for " + host;
    }
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return what + " is self-signed, and not trusted";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return what + " is issued by " + issuer_of(which) + ", which is not trusted";
    case X509_V_ERR_INVALID_PURPOSE: return what + (host.empty() ? " is not for clients" : " is not for servers");
    default: return what + " is not accepted";
    }
}

} // namespace

bool verification::on_verify(bool is_good, X509_STORE_CTX& chain) noexcept
{
    try {
        X509* const which = X509_STORE_CTX_get_current_cert(&chain);
        const int depth = X509_STORE_CTX_get_error_depth(&chain);
        if (!is_good && !accepts_any_) {
            reason_ = X509_STORE_CTX_get_error(&chain);
            fault_ = which == nullptr ? "certificate is not accepted" : describe_fault(reason_, *which, host_, depth);
            fault_ += fmt::format(" ({})", X509_verify_cert_error_string(reason_));
            return false;
        }
        X509_STORE_CTX_set_error(&chain, X509_V_OK); // whatever it was that is accepted
        const bool is_pinned = depth == 0 && which != nullptr && !pins_.empty();
        if (is_pinned && std::ranges::find(pins_, pin_of(*which)) == pins_.end()) {
            fault_ = "public key of the certificate " + subject_of(*which) + " is none of those that are pinned";
            X509_STORE_CTX_set_error(&chain, X509_V_ERR_APPLICATION_VERIFICATION);
            return false;
        }
        return true;
    } catch (...) {
        X509_STORE_CTX_set_error(&chain, X509_V_ERR_OUT_OF_MEM);
        return false;
    }
}

namespace {

std::string pin_of_key(EVP_PKEY* key)
{
    unsigned char* der = nullptr;
    const int size = key == nullptr ? -1 : i2d_PUBKEY(key, &der);
    if (size < 0)
        return {};
    const std::unique_ptr<unsigned char, decltype([](unsigned char* block) { OPENSSL_free(block); })> owned(der);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
    unsigned hashed = 0;
    if (EVP_Digest(der, static_cast<std::size_t>(size), hash.data(), &hashed, EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
    std::array<unsigned char, 45> base64; // of 32 bytes, and a 0
    EVP_EncodeBlock(base64.data(), hash.data(), static_cast<int>(hashed));
    return std::string(pin_prefix) + reinterpret_cast<const char*>(base64.data());
}

std::string der_of(X509& which)
{
    std::string made(static_cast<std::size_t>(std::max(i2d_X509(&which, nullptr), 0)), '\0');
    auto* to = reinterpret_cast<unsigned char*>(made.data());
    i2d_X509(&which, &to);
    return made;
}

// Of a public key or a certificate, in PEM or DER.
std::string read_pin(const std::string& path)
{
    forget_errors();
    const bio_pointer file(BIO_new_file(path.c_str(), "rb"));
    if (!file)
        fail_with_file("read public key", path, {});
    const auto try_each = [&](auto... read) {
        std::string found;
        const auto try_one = [&](auto one) {
            if (found.empty() && BIO_reset(file.get()) == 0)
                found = one(file.get());
        };
        (try_one(read), ...);
        return found;
    };
    std::string found = try_each(
        [](BIO* from) { return pin_of_key(key_pointer(PEM_read_bio_PUBKEY(from, nullptr, nullptr, nullptr)).get()); },
        [](BIO* from) { return pin_of_key(key_pointer(d2i_PUBKEY_bio(from, nullptr)).get()); },
        [](BIO* from) {
            const certificate_pointer made(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
            return made ? pin_of(*made) : std::string();
        },
        [](BIO* from) {
            const certificate_pointer made(d2i_X509_bio(from, nullptr));
            return made ? pin_of(*made) : std::string();
        });
    if (found.empty())
        fail_with_file("read public key", path, "it holds no public key or certificate, in PEM or DER");
    ERR_clear_error();
    return found;
}

} // namespace

std::string pin_of(X509& which)
{
    return pin_of_key(X509_get0_pubkey(&which));
}

peer_certificate describe(X509& which)
{
    peer_certificate made;
    made.der = der_of(which);
    made.subject = one_line(X509_get_subject_name(&which));
    for (const alternative_name& each : names_of(which))
        made.names.push_back(each.kind + each.name);
    made.pin = pin_of(which);
    return made;
}

std::vector<std::string> read_pins(const std::string& option)
{
    if (option.empty())
        return {};
    if (!option.starts_with(pin_prefix))
        return {read_pin(option)};
    std::vector<std::string> pins;
    for (std::size_t begin = 0; begin <= option.size();) {
        const std::size_t end = std::min(option.find(';', begin), option.size());
        pins.push_back(option.substr(begin, end - begin));
        std::array<unsigned char, 48> decoded;
        const std::string encoded = pins.back().substr(std::min(pins.back().size(), pin_prefix.size()));
        if (!pins.back().starts_with(pin_prefix) || encoded.size() != 44 || encoded.back() != '='
            || EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(encoded.data()), 44) != 33)
            throw error(errc::malformed, "read public key", pins.back(), phase::none,
                        "it is not sha256// and 32 bytes in base64");
        begin = end + 1;
    }
    return pins;
}

} // namespace portico::tls::detail
