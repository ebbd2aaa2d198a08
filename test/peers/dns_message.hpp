// dns_message: questions and answers of the domain name system (RFC 1035), as bytes. Nothing in an answer is believed.
#pragma once

#include "program.hpp"

#include <portico/wire/text.hpp>

namespace dns {

enum record_type : unsigned { a = 1, cname = 5, mx = 15, txt = 16, aaaa = 28, srv = 33 };

constexpr std::pair<std::string_view, record_type> type_names[] = {
    {"A", a}, {"AAAA", aaaa}, {"CNAME", cname}, {"MX", mx}, {"SRV", srv}, {"TXT", txt},
};

inline unsigned type_of(std::string_view name)
{
    for (const auto& [each, type] : type_names)
        if (each == name)
            return type;
    throw std::invalid_argument("no known type of record: " + std::string(name));
}

/// The name of a type; RFC 3597 section 5 has one for every number.
inline std::string name_of(unsigned type)
{
    for (const auto& [each, number] : type_names)
        if (number == type)
            return std::string(each);
    return "TYPE" + std::to_string(type);
}

/// A query with one question (RFC 1035 section 4.1), which asks for recursion.
inline std::string make_query(std::uint64_t id, std::string_view name, unsigned type)
{
    std::string query = big_endian(id, 2) + big_endian(0x0100, 2) + big_endian(1, 2) + std::string(6, '\0');
    if (name.ends_with('.'))
        name.remove_suffix(1);
    if (name.size() > 253)
        throw std::invalid_argument("the name is too long");
    for (bool more = !name.empty(); more;) {
        const std::string_view label = name.substr(0, name.find('.'));
        if (label.empty() || label.size() > 63)
            throw std::invalid_argument("a part of the name is empty or too long");
        query.append(big_endian(label.size(), 1)).append(label);
        more = label.size() < name.size();
        name.remove_prefix(label.size() + more);
    }
    return query + '\0' + big_endian(type, 2) + big_endian(1, 2);
}

/// Whether a message answers this query: its id, a reply, and the same question.
inline bool is_answer(portico::bytes message, portico::bytes query)
{
    return message.size() >= query.size() && message.subview(0, 2) == query.subview(0, 2)
        && (big_endian(message.subview(2, 1)) & 0xf8) == 0x80 && message.subview(4, 2) == query.subview(4, 2)
        && message.subview(12, query.size() - 12) == query.subview(12);
}

/// The bits of the flags that matter: the answer did not fit, and why there is none.
inline bool is_truncated(portico::bytes message)
{
    return (big_endian(message.subview(2, 1)) & 0x02) != 0;
}
inline int reply_code(portico::bytes message)
{
    return static_cast<int>(big_endian(message.subview(3, 1)) & 0x0f);
}

inline portico::protocol_error fault(const std::string& what)
{
    return {portico::errc::malformed, "read the answer", what};
}

/// Reads a part of a message from its beginning to its end.
class reader {
public:
    reader(portico::bytes message, std::size_t position, std::size_t end)
        : message_(message), position_(position), end_(end) {}

    bool at_end() const { return position_ == end_; }
    portico::bytes take(std::size_t count)
    {
        if (count > end_ - position_)
            throw fault("it ends too early");
        position_ += count;
        return message_.subview(position_ - count, count);
    }
    unsigned number(std::size_t size) { return static_cast<unsigned>(big_endian(take(size))); }
    reader part(std::size_t count)
    {
        take(count);
        return {message_, position_ - count, position_};
    }

    /// A domain name. Where it is compressed (section 4.1.4), it goes on in front of where it began, so that it ends.
    std::string name()
    {
        std::string found;
        std::size_t began = position_, octets = 0;
        reader from = *this;
        bool elsewhere = false;
        for (std::size_t length; (length = from.number(1)) != 0;) {
            if (length < 0xc0) {
                octets += length + 1;
                if (length > 63 || octets > 254)
                    throw fault("a name is too long");
                append_label(found, from.take(length));
                continue;
            }
            const std::size_t target = (length & 0x3f) << 8 | from.number(1);
            if (target >= began)
                throw fault("a compressed name does not point back");
            if (!elsewhere)
                position_ = from.position_;
            elsewhere = true;
            from = reader(message_, began = target, message_.size());
        }
        if (!elsewhere)
            position_ = from.position_;
        return found.empty() ? "." : found;
    }

private:
    // What is no plain character is written as \DDD (section 5.1).
    static void append_label(std::string& name, portico::bytes label)
    {
        if (!name.empty())
            name += '.';
        for (const char each : label)
            if (each > ' ' && each <= '~' && each != '.' && each != '\\')
                name += each;
            else
                name += '\\' + std::to_string(1000 + static_cast<unsigned char>(each)).substr(1);
    }

    portico::bytes message_;
    std::size_t position_, end_;
};

template <std::size_t Size, class Make>
std::string address_of(reader& data, Make make)
{
    std::array<std::uint8_t, Size> octets;
    std::ranges::copy(data.take(Size), octets.begin());
    return address_text(make(octets));
}

/// The data of a record as a person reads it.
inline std::string value_of(unsigned type, reader& data, std::size_t size)
{
    switch (type) {
    case a: return address_of<4>(data, [](auto octets) { return portico::endpoint::ipv4(octets, 0); });
    case aaaa: return address_of<16>(data, [](auto octets) { return portico::endpoint::ipv6(octets, 0); });
    case cname: return data.name();
    case mx: {
        const unsigned preference = data.number(2);
        return std::to_string(preference) + ' ' + data.name();
    }
    case srv: {
        std::string text;
        for (int field = 0; field < 3; ++field) // priority, weight, port (RFC 2782)
            text += std::to_string(data.number(2)) + ' ';
        return text + data.name();
    }
    case txt: {
        std::string text;
        while (!data.at_end())
            text += (text.empty() ? "\"" : " \"") + portico::text::escape(data.take(data.number(1)), 255) + '"';
        return text;
    }
    default: data.take(size); return '(' + std::to_string(size) + " bytes)";
    }
}

/// The records of the answer to a query, a line each: `name type value`.
inline std::vector<std::string> answers(portico::bytes message, portico::bytes query)
{
    std::vector<std::string> lines;
    reader from(message, query.size(), message.size());
    for (std::uint64_t count = big_endian(message.subview(6, 2)); count > 0; --count) {
        const std::string name = from.name();
        const unsigned type = from.number(2);
        if (from.number(2) != 1)
            throw fault("a record is not of the Internet's class");
        from.take(4); // how long it may be kept
        const std::size_t size = from.number(2);
        reader data = from.part(size);
        lines.push_back(name + ' ' + name_of(type) + ' ' + value_of(type, data, size));
        if (!data.at_end())
            throw fault("a record is longer than what is in it");
    }
    return lines;
}

} // namespace dns
