// resolve: literal addresses here, names through the backend.
#include <portico/net/resolver.hpp>

#include <arpa/inet.h>
#include <charconv>
#include <netdb.h>

namespace portico {

std::optional<endpoint> parse_ip(std::string_view text, std::uint16_t port)
{
    if (text.find('\0') != text.npos)
        return {};
    std::uint32_t zone = 0;
    const std::size_t percent = text.find('%');
    if (percent != text.npos) {
        const std::string_view digits = text.substr(percent + 1);
        const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), zone);
        if (digits.empty() || code != std::errc() || end != digits.data() + digits.size())
            return {};
        text = text.substr(0, percent);
    }
    const std::string literal(text);
    std::array<std::uint8_t, 16> six;
    if (inet_pton(AF_INET6, literal.c_str(), six.data()) == 1)
        return endpoint::ipv6(six, port, zone);
    std::array<std::uint8_t, 4> four;
    if (percent == text.npos && inet_pton(AF_INET, literal.c_str(), four.data()) == 1)
        return endpoint::ipv4(four, port);
    return {};
}

namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "portico.resolver"; }
    std::string message(int value) const override { return gai_strerror(value); }
};

} // namespace

const std::error_category& resolver_category() noexcept
{
    static const category instance;
    return instance;
}

/// What the look-up and the operation share; the operation may be gone when the answer comes.
struct resolving::request {
    operation* waiter = nullptr;
    std::optional<result<std::vector<endpoint>>> answer;
};

resolving::resolving(address where) noexcept : where_(std::move(where)) {}

resolving::~resolving()
{
    abandon();
}

bool resolving::attempt() noexcept
{
    if (request_ != nullptr) {
        if (!request_->answer)
            return false;
        if (*request_->answer)
            found_ = std::move(**request_->answer);
        else
            fail(errc::refused); // `describe` has the reason
        return true;
    }
    if (const std::optional<endpoint> literal = parse_ip(where_.host(), where_.port())) {
        found_.push_back(*literal);
        return true;
    }
    request_ = std::make_shared<request>();
    owner().backend().resolve(where_.host(), where_.port(), [own = request_](result<std::vector<endpoint>> answer) {
        own->answer.emplace(std::move(answer));
        if (operation* const waiter = std::exchange(own->waiter, nullptr))
            waiter->ready_later();
    });
    return false;
}

void resolving::arm() noexcept
{
    request_->waiter = this;
}

void resolving::disarm() noexcept
{
    request_->waiter = nullptr;
}

error resolving::describe(std::error_code code) const
{
    if (code == errc::refused && request_ != nullptr)
        return request_->answer->error();
    return {code, "resolve", where_.host(), code == errc::timed_out ? phase::resolve : phase::none};
}

} // namespace portico
