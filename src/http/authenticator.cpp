// authenticator: see authenticator.hpp.
#include "http/authenticator.hpp"

#include <utility>

namespace portico::inline v0_1::http {

namespace {

std::string random_digits(backend& outside)
{
    std::byte chance[16];
    outside.random(chance);
    std::string digits;
    for (const std::byte each : chance)
        for (const int value : {std::to_integer<int>(each) >> 4, std::to_integer<int>(each) & 15})
            digits += "0123456789abcdef"[value];
    return digits;
}

} // namespace

authenticator::authenticator(std::optional<login> who, authentication allowed, std::string bearer,
                             std::string_view challenges)
    : who_(std::move(who)), allowed_(allowed), bearer_(std::move(bearer)), challenges_(challenges),
      basic_(allowed == authentication::basic)
{}

std::optional<std::string> authenticator::field(std::string_view method, std::string_view target, backend& outside)
{
    if (!bearer_.empty())
        return "Bearer " + bearer_;
    if (!who_)
        return std::nullopt;
    if (digest_)
        return digest_->authorization(method, target, *who_, random_digits(outside));
    return basic_ ? std::optional(basic(*who_)) : std::nullopt;
}

bool authenticator::learn(const fields& header)
{
    if (!who_ || !bearer_.empty() || basic_)
        return false;
    const std::vector<challenge> offered = parse_challenges(header, challenges_);
    const bool has_answered = digest_.has_value();
    digest_ = digest::strongest(offered);
    if (digest_)
        return !has_answered || (digest_->is_stale() && !std::exchange(renewed_, true));
    basic_ = !has_answered && allowed_ == authentication::any && offers_basic(offered);
    return basic_;
}

} // namespace portico::http
