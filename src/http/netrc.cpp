// netrc: words, and what they say about one host.
#include <portico/http/netrc.hpp>

#include <algorithm>
#include <portico/error.hpp>
#include <portico/wire/text.hpp>

namespace portico::inline v0_1::http {

namespace {

constexpr std::string_view blanks = " \t\r\n";

class words {
public:
    explicit words(std::string_view text) : rest_(text) {}

    /// The next word where a keyword may stand; nothing at the end.
    std::optional<std::string> keyword()
    {
        for (;;) {
            skip(rest_.find_first_not_of(blanks));
            if (!rest_.starts_with('#'))
                return rest_.empty() ? std::nullopt : std::optional(word());
            skip(rest_.find('\n'));
        }
    }

    /// The next word; there must be one.
    std::string value()
    {
        skip(rest_.find_first_not_of(blanks));
        if (rest_.empty())
            fail("a value is missing at the end");
        return word();
    }

    /// Up to the next empty line.
    void skip_macro()
    {
        std::string_view line;
        do {
            skip(rest_.find('\n'));
            skip(1);
            line = rest_.substr(0, rest_.find('\n'));
        } while (!line.empty() && line != "\r");
    }

private:
    void skip(std::size_t count)
    {
        count = std::min(count, rest_.size());
        line_ += std::ranges::count(rest_.substr(0, count), '\n');
        rest_.remove_prefix(count);
    }

    std::string word()
    {
        if (rest_.starts_with('"'))
            return quoted();
        std::string found(rest_.substr(0, rest_.find_first_of(blanks)));
        skip(found.size());
        return found;
    }

    std::string quoted()
    {
        std::string found;
        for (std::size_t position = 1; position < rest_.size() && rest_[position] != '\n'; ++position) {
            char each = rest_[position];
            if (each == '"') {
                skip(position + 1);
                return found;
            }
            if (each == '\\') {
                each = position + 1 < rest_.size() ? rest_[++position] : '\n';
                if (each == '\n')
                    break;
                each = each == 'n' ? '\n' : each == 'r' ? '\r' : each == 't' ? '\t' : each;
            }
            found += each;
        }
        fail("a quotation mark is not closed");
    }

    [[noreturn]] void fail(std::string_view why) const
    {
        throw error(errc::malformed, "parse netrc", "line " + std::to_string(line_), phase::none, std::string(why));
    }

    std::string_view rest_;
    std::ptrdiff_t line_ = 1;
};

struct entry {
    bool matches = false;
    std::optional<std::string> user, password;

    std::optional<login> login_for(std::string_view wanted) const
    {
        if (wanted.empty())
            return user || password ? std::optional(login(user.value_or(""), password.value_or(""))) : std::nullopt;
        if (!password || user.value_or(std::string(wanted)) != wanted)
            return std::nullopt;
        return login(std::string(wanted), *password);
    }
};

} // namespace

std::optional<login> netrc_login(std::string_view text, std::string_view host, std::string_view user)
{
    words in(text);
    entry current;
    while (const auto keyword = in.keyword()) {
        const auto is = [&keyword](std::string_view name) { return text::equals_ignoring_case(*keyword, name); };
        if (is("machine") || is("default")) {
            if (auto found = current.login_for(user))
                return found;
            current = {};
            current.matches = is("default") || text::equals_ignoring_case(in.value(), host);
        } else if (is("macdef")) {
            in.skip_macro();
        } else if (is("login") || is("password") || is("account")) {
            std::string value = in.value();
            if (current.matches && !is("account"))
                (is("login") ? current.user : current.password) = std::move(value);
        }
    }
    return current.login_for(user);
}

} // namespace portico::http
