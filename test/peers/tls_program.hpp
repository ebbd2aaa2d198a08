// tls_program: what tls_client and tls_server share: options, what they send, and what they say of a connection.
#pragma once

#include <algorithm>
#include <map>
#include <openssl/evp.h>
#include <portico/portico.hpp>
#include <portico/tls/tls.hpp>
#include <portico/wire/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

/// Options that were given as `NAME=VALUE`; whoever reads one takes it away.
class named_options {
public:
    /// Takes the leading words that are options.
    explicit named_options(std::vector<std::string>& words)
    {
        while (!words.empty() && words.front().find('=') != std::string::npos) {
            const std::size_t equals = words.front().find('=');
            values_[words.front().substr(0, equals)] = words.front().substr(equals + 1);
            words.erase(words.begin());
        }
    }

    std::string text(const std::string& name)
    {
        const auto found = values_.extract(name);
        return found ? found.mapped() : std::string();
    }

    std::vector<std::string> list(const std::string& name)
    {
        std::vector<std::string> items;
        std::string rest = text(name);
        while (!rest.empty()) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            items.push_back(rest.substr(0, comma));
            rest.erase(0, comma + 1);
        }
        return items;
    }

    /// What an option means, the first of them where it is not there.
    template <class Value>
    Value one_of(const std::string& name, std::initializer_list<std::pair<const char*, Value>> meanings)
    {
        const std::string given = text(name);
        for (const auto& [word, value] : meanings)
            if (given.empty() || given == word)
                return value;
        throw std::invalid_argument("no such " + name + ": " + given);
    }

    /// The versions, and what is shown.
    template <class Options>
    void set(Options& options)
    {
        using portico::tls::protocol_version;
        options.application_protocols = list("alpn");
        options.least =
            one_of<protocol_version>("least", {{"1.2", protocol_version::tls1_2}, {"1.3", protocol_version::tls1_3}});
        options.most =
            one_of<protocol_version>("most", {{"1.3", protocol_version::tls1_3}, {"1.2", protocol_version::tls1_2}});
    }

    portico::tls::certificate_files certificate()
    {
        portico::tls::certificate_files files;
        files.certificate = text("certificate");
        files.key = text("key");
        return files;
    }

    void end() const
    {
        if (!values_.empty())
            throw std::invalid_argument("no such option: " + values_.begin()->first);
    }

private:
    std::map<std::string, std::string> values_;
};

/// What is sent, by its offset: the same 65,521 bytes again and again, a prime, so that no part that is lost, doubled
/// or moved goes unseen where records and buffers have sizes that are powers of two.
class pattern {
public:
    pattern()
    {
        std::uint32_t seed = 1;
        for (std::size_t i = 0; i < period; ++i) {
            seed = seed * 1664525 + 1013904223;
            twice_[i] = twice_[i + period] = static_cast<char>(seed >> 24);
        }
    }

    portico::bytes at(std::uint64_t offset, std::uint64_t most) const
    {
        return {twice_.data() + offset % period, static_cast<std::size_t>(std::min<std::uint64_t>(most, period))};
    }

private:
    static constexpr std::size_t period = 65521;
    std::vector<char> twice_ = std::vector<char>(2 * period);
};

inline portico::task<> send_pattern(portico::connection& to, std::uint64_t count)
{
    const pattern data;
    for (std::uint64_t sent = 0; sent < count;) {
        const portico::bytes part = data.at(sent, count - sent);
        co_await to.write(part);
        sent += part.size();
    }
}

/// The number and the SHA-256 of bytes, and the first of them.
class digest {
public:
    digest() : made_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { EVP_DigestInit_ex(made_.get(), EVP_sha256(), nullptr); }

    void add(portico::bytes data)
    {
        begin_ += data.subview(0, 200 - begin_.size());
        count_ += data.size();
        EVP_DigestUpdate(made_.get(), data.data(), data.size());
    }
    std::uint64_t count() const noexcept { return count_; }
    const std::string& begin() const noexcept { return begin_; }

    /// As members of a JSON object. Called once.
    std::string json()
    {
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        EVP_DigestFinal_ex(made_.get(), hash, &size);
        std::string hexadecimal;
        for (unsigned i = 0; i < size; ++i)
            for (const int digit : {hash[i] >> 4, hash[i] & 15})
                hexadecimal += "0123456789abcdef"[digit];
        return "\"bytes\": " + std::to_string(count_) + ", \"sha256\": \"" + hexadecimal + '"';
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> made_;
    std::uint64_t count_ = 0;
    std::string begin_;
};

/// Reads so many bytes, or until the stream ends.
inline portico::task<> receive(portico::connection& from, std::uint64_t count, digest& into)
{
    while (into.count() < count) {
        const portico::bytes data =
            co_await from.read_some(static_cast<std::size_t>(std::min<std::uint64_t>(count - into.count(), 64 * 1024)));
        if (data.empty())
            break;
        into.add(data);
    }
}

/// What a handshake has agreed on, as members of a JSON object.
inline std::string json_of(const portico::tls::connection_info& agreed)
{
    std::string text;
    for (const auto& [name, value] : {std::pair<const char*, std::string_view>("version", to_string(agreed.version)),
                                      {"cipher", agreed.cipher},
                                      {"alpn", agreed.application_protocol},
                                      {"name", agreed.server_name},
                                      {"peer", agreed.peer ? std::string_view(agreed.peer->subject) : ""}})
        text += std::string("\"") + name + "\": " + portico::text::json_string(value) + ", ";
    return text + "\"resumed\": " + (agreed.resumed ? "true" : "false");
}

inline void print_json(const std::string& members)
{
    std::printf("{%s}\n", members.c_str());
    std::fflush(stdout);
}
