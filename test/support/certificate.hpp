// certificate: a self-signed certificate, made for one test.
#pragma once

#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <string>

namespace test {

class certificate {
public:
    explicit certificate(const std::string& host) : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), made_(X509_new(), X509_free)
    {
        X509_set_version(made_.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made_.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(made_.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made_.get()), 3600);
        X509_set_pubkey(made_.get(), key_.get());
        X509_NAME* const name = X509_get_subject_name(made_.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
        X509_set_issuer_name(made_.get(), name);
        X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str());
        X509_add_ext(made_.get(), names, -1);
        X509_EXTENSION_free(names);
        if (X509_sign(made_.get(), key_.get(), EVP_sha256()) == 0)
            throw std::runtime_error("a certificate could not be made");
    }

    std::string pem() const
    {
        return text([&](BIO* to) { PEM_write_bio_X509(to, made_.get()); });
    }
    std::string key_pem() const
    {
        return text([&](BIO* to) { PEM_write_bio_PrivateKey(to, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    }

private:
    template <class Write>
    static std::string text(const Write& write)
    {
        const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
        write(memory.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(memory.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> made_;
};

} // namespace test
