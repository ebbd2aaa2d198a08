// Authentication: reading challenges kindly, and answering them exactly. The hashes are OpenSSL's.
#include "http/authentication.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <openssl/evp.h>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http {

namespace {

/// By strength; the names are those of RFC 7616 and of OpenSSL.
struct hash_function {
    std::string_view name;
    const char* of_openssl;
};
constexpr std::array<hash_function, 3> hashes{{{"MD5", "MD5"}, {"SHA-256", "SHA256"}, {"SHA-512-256", "SHA512-256"}}};

std::string hexadecimal(const unsigned char* octets, std::size_t count)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t index = 0; index < count; ++index)
        text += {digits[octets[index] >> 4], digits[octets[index] & 15]};
    return text;
}

/// RFC 9110 section 5.6.4.
std::string quoted(std::string_view text)
{
    std::string result = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\')
            result += '\\';
        result += character;
    }
    return result += '"';
}

/// What is in the quotes, or without any the text as it is: who forgets them is understood all the same.
std::string unquoted(std::string_view text)
{
    if (!text.starts_with('"'))
        return std::string(text);
    std::string result;
    for (std::size_t position = 1; position < text.size() && text[position] != '"'; ++position) {
        if (text[position] == '\\' && position + 1 < text.size())
            ++position;
        result += text[position];
    }
    return result;
}

/// RFC 8187 section 3.2, for a user name that no quotes can hold.
std::string extended(std::string_view text)
{
    constexpr std::string_view marks = "!#$&+-.^_`|~";
    std::string result = "UTF-8''";
    for (const char character : text) {
        const auto octet = static_cast<unsigned char>(character);
        if (text::is_letter(character) || text::is_digit(character) || marks.find(character) != marks.npos)
            result += character;
        else
            result.append("%").append(hexadecimal(&octet, 1));
    }
    return result;
}

/// Adds `name=value` or `name="value"`, and says whether it was one. A sign with nothing but signs behind it is the end
/// of a token68.
bool add_parameter(std::string_view text, fields& to)
{
    const std::size_t sign = text.find('=');
    const std::string_view name = text::trim(text.substr(0, sign));
    if (sign == text.npos || !text::is_token(name) || text.find_first_not_of('=', sign) == text.npos)
        return false;
    to.add(std::string(name), unquoted(text::trim(text.substr(sign + 1))));
    return true;
}

bool contains_element(std::string_view list, std::string_view wanted)
{
    fields one;
    one.add("list", std::string(list));
    return one.contains_token("list", wanted);
}

std::string parameter_of(const challenge& asked, std::string_view name)
{
    return std::string(asked.parameters.find(name).value_or(""));
}

} // namespace

bool challenge::is(std::string_view scheme_name) const
{
    return text::equals_ignoring_case(scheme, scheme_name);
}

std::vector<challenge> parse_challenges(const fields& header, std::string_view field_name)
{
    std::vector<challenge> found;
    for (const std::string_view element : header.elements(field_name)) {
        if (!found.empty() && add_parameter(element, found.back().parameters))
            continue;
        const std::string_view scheme = element.substr(0, element.find_first_of(" \t"));
        if (!text::is_token(scheme))
            continue;
        challenge& next = found.emplace_back(std::string(scheme));
        const std::string_view rest = text::trim(element.substr(scheme.size()));
        if (!add_parameter(rest, next.parameters))
            next.token = rest;
    }
    return found;
}

bool offers_basic(const std::vector<challenge>& offered)
{
    for (const challenge& each : offered)
        if (each.is("Basic"))
            return true;
    return false;
}

std::string basic(const login& who)
{
    const std::string plain = who.user + ':' + who.password;
    std::string encoded(4 * ((plain.size() + 2) / 3) + 1, '\0'); // and a zero behind it
    const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                       reinterpret_cast<const unsigned char*>(plain.data()),
                                       static_cast<int>(plain.size()));
    encoded.resize(static_cast<std::size_t>(size));
    return "Basic " + encoded;
}

std::optional<digest> digest::of(const challenge& asked)
{
    digest made;
    made.algorithm_ = parameter_of(asked, "algorithm");
    std::string_view name = made.algorithm_.empty() ? hashes[0].name : std::string_view(made.algorithm_);
    constexpr std::string_view session = "-sess";
    made.is_session_ = name.size() > session.size()
                       && text::equals_ignoring_case(name.substr(name.size() - session.size()), session);
    name.remove_suffix(made.is_session_ ? session.size() : 0);
    while (!text::equals_ignoring_case(name, hashes[static_cast<std::size_t>(made.strength_)].name))
        if (++made.strength_ == static_cast<int>(hashes.size()))
            return std::nullopt;
    const std::string qualities = parameter_of(asked, "qop");
    made.with_quality_ = !qualities.empty();
    const auto nonce = asked.parameters.find("nonce");
    if (!asked.is("Digest") || !nonce || (made.with_quality_ && !contains_element(qualities, "auth")))
        return std::nullopt;
    made.nonce_ = *nonce;
    made.realm_ = parameter_of(asked, "realm");
    made.opaque_ = asked.parameters.find("opaque");
    made.hides_user_ = text::equals_ignoring_case(parameter_of(asked, "userhash"), "true");
    made.stale_ = text::equals_ignoring_case(parameter_of(asked, "stale"), "true");
    return made;
}

std::optional<digest> digest::strongest(const std::vector<challenge>& offered)
{
    std::optional<digest> best;
    for (const challenge& each : offered)
        if (std::optional<digest> next = of(each); next && (!best || next->strength_ > best->strength_))
            best = std::move(next);
    return best;
}

std::string digest::hash(std::string_view text) const
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> octets;
    std::size_t size = octets.size();
    const hash_function& function = hashes[static_cast<std::size_t>(strength_)];
    if (::EVP_Q_digest(nullptr, function.of_openssl, nullptr, text.data(), text.size(), octets.data(), &size) != 1)
        throw error(std::make_error_code(std::errc::not_supported), "authenticate", {}, phase::none,
                    "OpenSSL has not got " + std::string(function.name) + " here, which the server asks for");
    return hexadecimal(octets.data(), size);
}

std::string digest::authorization(std::string_view method, std::string_view target, const login& who,
                                  std::string_view cnonce)
{
    if (!is_session_ || cnonce_.empty())
        cnonce_ = cnonce;
    ++count_;
    const std::array<unsigned char, 4> octets{
        static_cast<unsigned char>(count_ >> 24), static_cast<unsigned char>(count_ >> 16),
        static_cast<unsigned char>(count_ >> 8), static_cast<unsigned char>(count_)};
    const std::string count = hexadecimal(octets.data(), octets.size());

    // The names are those of RFC 7616 section 3.4.
    std::string ha1 = hash(who.user + ':' + realm_ + ':' + who.password);
    if (is_session_)
        ha1 = hash(ha1 + ':' + nonce_ + ':' + cnonce_);
    const std::string ha2 = hash(std::string(method).append(":").append(target));
    const std::string quality = with_quality_ ? ':' + count + ':' + cnonce_ + ":auth" : std::string();
    const std::string response = hash(ha1 + ':' + nonce_ + quality + ':' + ha2);

    std::string value = "Digest ";
    if (hides_user_)
        value += "username=\"" + hash(who.user + ':' + realm_) + '"';
    else if (std::ranges::any_of(who.user, text::is_control))
        value += "username*=" + extended(who.user);
    else
        value += "username=" + quoted(who.user);
    value += ", realm=" + quoted(realm_) + ", nonce=" + quoted(nonce_) + ", uri=" + quoted(target);
    if (with_quality_ || is_session_)
        value += ", cnonce=" + quoted(cnonce_);
    if (with_quality_)
        value += ", nc=" + count + ", qop=auth";
    value += ", response=\"" + response + '"';
    if (opaque_)
        value += ", opaque=" + quoted(*opaque_);
    if (!algorithm_.empty())
        value += ", algorithm=" + algorithm_;
    return hides_user_ ? value + ", userhash=true" : value;
}

} // namespace portico::http
