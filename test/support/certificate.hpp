// certificate: certificates made for one test, by whom and for whatever names and times it wants.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <portico/tls/options.hpp>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// What a certificate says; without anything else, one of a server called localhost, as it should be.
struct certificate_content {
    explicit certificate_content(std::string whose = "localhost", std::vector<std::string> known_as = {"DNS:localhost"})
        : common_name(std::move(whose)), names(std::move(known_as)) {}

    std::string common_name;
    std::vector<std::string> names;       ///< alternative ones: `DNS:`, `IP:` or `email:`, and what may be any bytes
    std::string usage = "serverAuth";     ///< for what the key may be used; empty: for everything
    std::string constraints = "CA:FALSE"; ///< `CA:TRUE` for an authority
    std::string from = "20200101000000Z", until = "99991231235959Z"; ///< as in RFC 5280 section 4.1.2.5
};

class certificate {
public:
    /// By `issuer`, whether or not it may do that; where there is none, signed by itself.
    explicit certificate(const certificate_content& content, const certificate* issuer = nullptr)
        : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), made_(X509_new(), X509_free)
    {
        const certificate& signer = issuer ? *issuer : *this;
        static long serial = 0;
        X509_set_version(made_.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made_.get()), ++serial);
        require(ASN1_TIME_set_string_X509(X509_getm_notBefore(made_.get()), content.from.c_str()));
        require(ASN1_TIME_set_string_X509(X509_getm_notAfter(made_.get()), content.until.c_str()));
        X509_set_pubkey(made_.get(), key_.get());
        require(X509_NAME_add_entry_by_txt(X509_get_subject_name(made_.get()), "CN", MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(content.common_name.data()),
                                           static_cast<int>(content.common_name.size()), -1, 0));
        X509_set_issuer_name(made_.get(), X509_get_subject_name(signer.made_.get()));
        extend(NID_basic_constraints, "critical," + content.constraints);
        if (!content.usage.empty())
            extend(NID_ext_key_usage, content.usage);
        if (!content.names.empty())
            set_names(content.names);
        require(X509_sign(made_.get(), signer.key_.get(), EVP_sha256()));
    }
    /// Of a server of this name, signed by itself.
    explicit certificate(const std::string& host) : certificate(certificate_content(host, {"DNS:" + host})) {}

    /// An authority: a root, or one that another authority vouches for.
    static certificate authority(const std::string& name, const certificate* issuer = nullptr)
    {
        certificate_content content(name, {});
        content.usage.clear();
        content.constraints = "CA:TRUE";
        return certificate(content, issuer);
    }

    std::string pem() const
    {
        return text([&](BIO* to) { PEM_write_bio_X509(to, made_.get()); });
    }
    /// The name that its file has in a folder of authorities.
    std::string hash_name() const
    {
        char name[16];
        std::snprintf(name, sizeof name, "%08lx.0", X509_subject_name_hash(made_.get()));
        return name;
    }
    std::string key_pem() const
    {
        return text([&](BIO* to) { PEM_write_bio_PrivateKey(to, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    }

private:
    static void require(int done)
    {
        if (done <= 0)
            throw std::runtime_error("a certificate could not be made");
    }

    template <class Write>
    static std::string text(const Write& write)
    {
        const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
        write(memory.get());
        char* data = nullptr;
        const long size = BIO_get_mem_data(memory.get(), &data);
        return {data, static_cast<std::size_t>(size)};
    }

    void extend(int which, const std::string& value)
    {
        X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, nullptr, which, value.c_str());
        require(made != nullptr && X509_add_ext(made_.get(), made, -1));
        X509_EXTENSION_free(made);
    }

    // Not in text form, where some bytes mean something.
    void set_names(const std::vector<std::string>& names)
    {
        const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> all(GENERAL_NAMES_new(),
                                                                                GENERAL_NAMES_free);
        for (const std::string& each : names) {
            const std::size_t colon = each.find(':');
            const std::string kind = each.substr(0, colon), value = each.substr(colon + 1);
            GENERAL_NAME* const name = GENERAL_NAME_new();
            sk_GENERAL_NAME_push(all.get(), name);
            if (kind == "IP") {
                GENERAL_NAME_set0_value(name, GEN_IPADD, a2i_IPADDRESS(value.c_str()));
            } else {
                ASN1_IA5STRING* const string = ASN1_IA5STRING_new();
                ASN1_STRING_set(string, value.data(), static_cast<int>(value.size()));
                GENERAL_NAME_set0_value(name, kind == "DNS" ? GEN_DNS : GEN_EMAIL, string);
            }
        }
        require(X509_add1_ext_i2d(made_.get(), NID_subject_alt_name, all.get(), 0, 0));
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> made_;
};

/// A temporary folder for what programs read from files.
class certificate_folder {
public:
    certificate_folder() : path_((std::filesystem::temp_directory_path() / "portico-test-XXXXXX").string())
    {
        if (::mkdtemp(path_.data()) == nullptr)
            throw std::runtime_error("no temporary folder");
    }
    certificate_folder(const certificate_folder&) = delete;
    certificate_folder& operator=(const certificate_folder&) = delete;
    ~certificate_folder() { std::filesystem::remove_all(path_); }

    std::string path(const std::string& name) const { return path_ + '/' + name; }

    /// Writes a file; its path.
    std::string write(const std::string& name, const std::string& text) const
    {
        std::ofstream file(path(name), std::ios::binary | std::ios::trunc);
        file << text;
        if (!file.flush())
            throw std::runtime_error("cannot write to " + path(name));
        return path(name);
    }

    /// Writes a certificate with its key, and the certificates of those who stand behind it, nearest first.
    portico::tls::certificate_files write(const std::string& name, const certificate& whose,
                                          std::initializer_list<const certificate*> behind = {}) const
    {
        std::string chain = whose.pem();
        for (const certificate* each : behind)
            chain += each->pem();
        return {write(name + ".pem", chain), write(name + ".key", whose.key_pem())};
    }

private:
    std::string path_;
};

} // namespace test
