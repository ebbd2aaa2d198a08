// Errors: the texts that a person reads.
#include <portico/error.hpp>

namespace portico::inline v0_1 {

namespace {

class category final : public std::error_category {
public:
    const char* name() const noexcept override { return "portico"; }
    std::string message(int value) const override
    {
        switch (static_cast<errc>(value)) {
        case errc::timed_out: return "timed out";
        case errc::truncated: return "the stream ended too early";
        case errc::limit_exceeded: return "a limit was exceeded";
        case errc::closed: return "closed on this side";
        case errc::malformed: return "malformed";
        case errc::refused: return "refused by the peer";
        case errc::untrusted: return "the peer is not trusted";
        }
        return "unknown";
    }
};

} // namespace

const std::error_category& portico_category() noexcept
{
    static const category instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept
{
    return {static_cast<int>(code), portico_category()};
}

std::string_view to_string(phase value) noexcept
{
    switch (value) {
    case phase::none: return "none";
    case phase::resolve: return "resolve";
    case phase::connect: return "connect";
    case phase::handshake: return "handshake";
    case phase::read: return "read";
    case phase::write: return "write";
    case phase::idle: return "idle";
    case phase::total: return "total";
    }
    return "unknown";
}

namespace {

void append(std::string& text, std::string_view separator, std::string_view more)
{
    if (!text.empty() && !more.empty())
        text.append(separator);
    text.append(more);
}

} // namespace

error::error(std::error_code code, std::string operation, std::string target, portico::phase during, std::string detail)
    : error(code, facts{std::move(operation), std::move(target), std::move(detail), during, {}, {}})
{
}

error error::of_attempts(std::string operation, std::string target, std::vector<error> attempts)
{
    if (attempts.size() == 1 && attempts.front().target() == target)
        return attempts.front();
    const std::error_code code = attempts.empty() ? make_error_code(errc::refused) : attempts.back().code();
    const portico::phase during = attempts.empty() ? phase::none : attempts.back().phase();
    return {code, facts{std::move(operation), std::move(target), {}, during, std::move(attempts), {}}};
}

error::error(std::error_code code, facts known) : std::system_error(code)
{
    append(known.text, "", known.operation);
    append(known.text, " ", known.target);
    if (known.attempts.empty())
        append(known.text, ": ", known.detail.empty() ? code.message() : known.detail);
    for (const error& attempt : known.attempts)
        append(known.text, &attempt == &known.attempts.front() ? ": " : "; ", attempt.what());
    facts_ = std::make_shared<const facts>(std::move(known));
}

} // namespace portico
