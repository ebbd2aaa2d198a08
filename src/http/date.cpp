// Dates: each part is known by its shape, so that their order matters little.
#include <portico/http/date.hpp>

#include <algorithm>
#include <iterator>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::string_view weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view months[] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};

struct named_zone {
    std::string_view name;
    hours offset;
};
constexpr named_zone zones[] = {{"GMT", hours(0)},  {"UTC", hours(0)},  {"UT", hours(0)},   {"Z", hours(0)},
                                {"EST", hours(-5)}, {"EDT", hours(-4)}, {"CST", hours(-6)}, {"CDT", hours(-5)},
                                {"MST", hours(-7)}, {"MDT", hours(-6)}, {"PST", hours(-8)}, {"PDT", hours(-7)}};

/// Which of the names this is, or begins with three letters or more: from 1; 0: none.
template <std::size_t Size>
int number_of(std::string_view word, const std::string_view (&names)[Size])
{
    const auto found = std::ranges::find_if(names, [word](std::string_view name) {
        return word.size() >= 3 && text::equals_ignoring_case(word, name.substr(0, word.size()));
    });
    return found == std::end(names) ? 0 : static_cast<int>(found - names) + 1;
}

/// Gives a part its value; false if it has one.
template <class T>
bool set(std::optional<T>& part, T value)
{
    return !std::exchange(part, value);
}

class date_reader {
public:
    explicit date_reader(std::string_view text) : rest_(text) {}

    std::optional<sys_seconds> read();

private:
    bool has(std::string_view shape, std::size_t position = 0) const;
    int take_number(std::size_t digits, std::size_t marks_behind = 0);
    bool read_part();
    bool read_mark();
    bool read_zone();
    bool read_word();
    bool read_number();
    bool read_time();

    std::string_view rest_;
    std::optional<int> year_, month_, day_;
    std::optional<seconds> time_;
    std::optional<minutes> named_zone_, zone_;
    bool at_gap_ = true; // where a sign belongs to a zone, and joins no parts of a date
};

/// Whether this comes next: a 0 of the shape stands for a digit, and no digit follows.
bool date_reader::has(std::string_view shape, std::size_t position) const
{
    const std::string_view next = rest_.substr(std::min(position, rest_.size()));
    const auto fits = [](char wanted, char found) { return wanted == '0' ? text::is_digit(found) : wanted == found; };
    return next.size() >= shape.size() && std::ranges::equal(shape, next.substr(0, shape.size()), fits)
           && (next.size() == shape.size() || !text::is_digit(next[shape.size()]));
}

int date_reader::take_number(std::size_t digits, std::size_t marks_behind)
{
    int value = 0;
    for (const char digit : rest_.substr(0, digits))
        value = value * 10 + (digit - '0');
    rest_.remove_prefix(digits + marks_behind);
    return value;
}

std::optional<sys_seconds> date_reader::read()
{
    while (!rest_.empty())
        if (!read_part())
            return std::nullopt;
    if (!year_ || !month_ || !day_ || *year_ < 1601)
        return std::nullopt;
    const auto date = std::chrono::year(*year_) / *month_ / *day_;
    if (!date.ok())
        return std::nullopt;
    return sys_days(date) + time_.value_or(seconds(0)) - zone_.value_or(named_zone_.value_or(minutes(0)));
}

bool date_reader::read_part()
{
    if (text::is_digit(rest_[0]))
        return read_number();
    if (text::is_letter(rest_[0]))
        return read_word();
    if (rest_[0] != '(')
        return read_mark();
    const std::size_t end = rest_.find(')');
    rest_.remove_prefix(std::min(end, rest_.size() - 1) + 1);
    return end != rest_.npos;
}

bool date_reader::read_mark()
{
    if (at_gap_ && (rest_[0] == '+' || rest_[0] == '-') && (has("0000", 1) || has("00:00", 1)) && read_zone())
        return true;
    at_gap_ = std::string_view(" \t,").find(rest_[0]) != std::string_view::npos;
    const bool joins = rest_[0] == '-';
    rest_.remove_prefix(1);
    return at_gap_ || joins;
}

/// False, and nothing is taken, where this is a year instead.
bool date_reader::read_zone()
{
    date_reader ahead(rest_.substr(1));
    const int hour = ahead.take_number(2, ahead.has("00:00") ? 1 : 0), minute = ahead.take_number(2);
    if (zone_ || hour > 14 || minute > 59)
        return false;
    const minutes offset = hours(hour) + minutes(minute);
    zone_ = rest_[0] == '-' ? -offset : offset;
    rest_ = ahead.rest_;
    return true;
}

bool date_reader::read_word()
{
    const auto length = std::ranges::find_if_not(rest_, text::is_letter) - rest_.begin();
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(length));
    rest_.remove_prefix(word.size());
    at_gap_ = false;
    if (const int month = number_of(word, months))
        return set(month_, month);
    const auto same = [word](const named_zone& each) { return text::equals_ignoring_case(word, each.name); };
    at_gap_ = true;
    if (const auto* found = std::ranges::find_if(zones, same); found != std::end(zones))
        return set(named_zone_, minutes(found->offset));
    if (text::equals_ignoring_case(word, "T"))
        return day_ && !time_ && has("00:00");
    return number_of(word, weekdays) != 0;
}

bool date_reader::read_number()
{
    at_gap_ = false;
    if (has("00:00") || has("0:00"))
        return read_time();
    if (const bool joined = has("00000000"); joined || has("0000-00-00")) {
        const std::size_t marks = joined ? 0 : 1;
        return set(year_, take_number(4, marks)) && set(month_, take_number(2, marks)) && set(day_, take_number(2));
    }
    if (has("0000"))
        return set(year_, take_number(4));
    if (has("00") && day_) {
        const int year = take_number(2);
        return set(year_, year + (year < 70 ? 2000 : 1900));
    }
    return (has("0") || has("00")) && set(day_, take_number(has("0") ? 1 : 2));
}

bool date_reader::read_time()
{
    const int hour = take_number(has("0") ? 1 : 2, 1), minute = take_number(2);
    int second = 0;
    if (has(":00")) {
        rest_.remove_prefix(1);
        second = take_number(2);
    }
    if (rest_.starts_with('.')) // a fraction
        rest_.remove_prefix(std::min(rest_.find_first_not_of("0123456789", 1), rest_.size()));
    at_gap_ = true;
    return hour < 24 && minute < 60 && second <= 60 && set(time_, hours(hour) + minutes(minute) + seconds(second));
}

std::string two_digits(unsigned value)
{
    return {static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
}

} // namespace

std::optional<sys_seconds> parse_date(std::string_view text)
{
    return date_reader(text).read();
}

std::string format_date(sys_seconds time)
{
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss clock(time - days);
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    std::string text(weekdays[std::chrono::weekday(days).c_encoding()].substr(0, 3));
    text.append(", ").append(two_digits(static_cast<unsigned>(date.day()))).append(" ");
    text.append(months[static_cast<unsigned>(date.month()) - 1].substr(0, 3)).append(" ");
    text.append(two_digits(year / 100)).append(two_digits(year)).append(" ");
    text.append(two_digits(static_cast<unsigned>(clock.hours().count()))).append(":");
    text.append(two_digits(static_cast<unsigned>(clock.minutes().count()))).append(":");
    return text.append(two_digits(static_cast<unsigned>(clock.seconds().count()))).append(" GMT");
}

std::optional<seconds> parse_retry_after(std::string_view value, sys_seconds now)
{
    constexpr seconds longest = std::chrono::days(365);
    value = text::trim(value);
    if (!value.empty() && std::ranges::all_of(value, text::is_digit)) {
        seconds wait(0);
        for (const char digit : value)
            wait = std::min(wait * 10 + seconds(digit - '0'), longest);
        return wait;
    }
    const auto date = parse_date(value);
    if (!date)
        return std::nullopt;
    return std::clamp(*date - now, seconds(0), longest);
}

} // namespace portico::http
