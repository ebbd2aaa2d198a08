// progress: see progress.hpp.
#include "progress.hpp"

#include "columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace http_get {

void rate_meter::update(portico::time_point now, std::uint64_t received) noexcept
{
    if (before_ && now > *before_) {
        constexpr double memory = 5; // seconds
        const double passed = std::chrono::duration<double>(now - *before_).count();
        const double kept = std::exp(-passed / memory);
        const double came = received > received_ ? static_cast<double>(received - received_) : 0; // less: it began anew
        bytes_ = bytes_ * kept + came;
        seconds_ = seconds_ * kept + passed;
    }
    before_ = now;
    received_ = received;
}

namespace {

struct scaled {
    double value;
    std::size_t unit; // a power of 1024
};

scaled scale(double count)
{
    scaled made{count, 0};
    for (; made.value >= 999.5 && made.unit < 6; ++made.unit)
        made.value /= 1024;
    return made;
}

constexpr std::array<std::string_view, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

/// Three digits that count; of bytes, whole ones.
std::string digits_of(double value, std::size_t unit)
{
    const int behind = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f}", value, behind);
}

} // namespace

std::string format_bytes(double count)
{
    const scaled shown = scale(count);
    return fmt::format("{} {}", digits_of(shown.value, shown.unit), units.at(shown.unit));
}

namespace {

constexpr std::size_t amount_width = 8, rate_width = 10, left_width = 6, share_width = 4, of_total_width = 13;
constexpr std::size_t bar_width = 12, widest_bar = 42, gap_width = 2;

/// What a line has room for, in the order in which it is given up.
struct layout {
    std::size_t name = 0, bar = 0, share = 0, amount = 0, rate = 0, left = 0; ///< columns; 0: left out
};

layout arrange(std::size_t columns, std::size_t widest_name)
{
    layout made;
    made.amount = std::min(columns, amount_width);
    columns -= made.amount;
    // A field is shown where the name keeps this many columns.
    const auto add = [&](std::size_t& field, std::size_t width, std::size_t for_name) {
        const std::size_t needed = width + (field == 0 ? gap_width : 0);
        if (columns < needed + for_name + gap_width)
            return;
        columns -= needed;
        field += width;
    };
    add(made.rate, rate_width, 4);
    add(made.left, left_width, 8);
    add(made.share, share_width, 8);
    add(made.amount, of_total_width - amount_width, 12);
    add(made.bar, bar_width, 16);
    made.name = columns > gap_width ? columns - gap_width : 0;
    if (made.bar != 0 && made.name > widest_name) { // what the names do not need
        const std::size_t wider = std::min(made.name - std::max<std::size_t>(widest_name, 8), widest_bar - bar_width);
        made.bar += wider;
        made.name -= wider;
    }
    made.name = std::min(made.name, widest_name);
    return made;
}

std::string format_amount(const transfer_view& which, std::size_t width)
{
    if (!which.total || width < of_total_width)
        return format_bytes(static_cast<double>(which.received));
    const scaled total = scale(static_cast<double>(*which.total));
    const double received = static_cast<double>(which.received) / std::pow(1024, total.unit);
    return fmt::format("{}/{} {}", digits_of(received, total.unit), digits_of(total.value, total.unit),
                       units.at(total.unit));
}

/// At most six columns: `59:59`, `23h59m`, `99d23h`.
std::string format_time(double seconds)
{
    if (!(seconds < 99.5 * 86400))
        return "";
    const auto whole = static_cast<unsigned>(std::lround(seconds));
    if (whole < 3600)
        return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
    if (whole < 86400)
        return fmt::format("{:02}h{:02}m", whole / 3600, whole % 3600 / 60);
    return fmt::format("{}d{:02}h", whole / 86400, whole % 86400 / 3600);
}

std::string format_left(const transfer_view& which)
{
    if (!which.total || which.received > *which.total || which.rate < 1)
        return "";
    return format_time(static_cast<double>(*which.total - which.received) / which.rate);
}

std::string draw_bar(double share, std::size_t width)
{
    const std::size_t inside = width - 2;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(inside));
    return fmt::format("[{}{}]", std::string(full, '#'), std::string(inside - full, '.'));
}

/// How much of it there is, from 0 to 1.
double share_of(const transfer_view& which)
{
    const std::uint64_t total = which.total.value_or(0);
    return which.received >= total ? 1 : static_cast<double>(which.received) / static_cast<double>(total);
}

std::string line_of(const transfer_view& which, const layout& places)
{
    std::string line;
    const auto add = [&](std::string_view text, std::size_t width, bool on_the_right) {
        if (width == 0)
            return;
        if (!line.empty())
            line.append(gap_width, ' ');
        line += on_the_right && columns_of(text) < width ? fmt::format("{:>{}}", text, width) : fit(text, width);
    };
    add(printable(which.name), places.name, false);
    const double share = share_of(which);
    add(which.total && places.bar != 0 ? draw_bar(share, places.bar) : "", places.bar, false);
    add(which.total ? fmt::format("{}%", static_cast<int>(share * 100)) : "", places.share, true);
    add(format_amount(which, places.amount), places.amount, true);
    if (which.note.empty()) {
        add(which.rate >= 1 ? format_bytes(which.rate) + "/s" : "", places.rate, true);
        add(format_left(which), places.left, true);
    } else if (places.rate != 0) {
        add(printable(which.note), places.rate + (places.left == 0 ? 0 : places.left + gap_width), false);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

/// One column stays free: a terminal may begin a new line behind the last one.
std::size_t usable(screen_size screen)
{
    return screen.columns > 1 ? screen.columns - 1 : 0;
}

} // namespace

std::vector<std::string> render(const std::vector<transfer_view>& running, const std::optional<transfer_view>& sum,
                                screen_size screen)
{
    const std::size_t most = screen.lines > 2 ? screen.lines - 1 : 1;
    const std::size_t shown = std::min(running.size(), most - (sum ? 1 : 0));
    std::size_t widest = sum ? columns_of(printable(sum->name)) : 0;
    for (std::size_t index = 0; index < shown; ++index)
        widest = std::max(widest, columns_of(printable(running[index].name)));
    const layout places = arrange(usable(screen), widest);
    std::vector<std::string> lines;
    lines.reserve(shown + 1);
    for (std::size_t index = 0; index < shown; ++index)
        lines.push_back(line_of(running[index], places));
    if (sum)
        lines.push_back(line_of(*sum, places));
    return lines;
}

std::string render_ended(const transfer_view& which, portico::duration took, screen_size screen)
{
    const double seconds = std::chrono::duration<double>(took).count();
    const std::string lasted = seconds < 60 ? digits_of(seconds, 1) + " s" : format_time(seconds);
    const std::string bytes = format_bytes(static_cast<double>(which.received));
    const std::string rate = format_bytes(which.rate) + "/s";
    const std::string facts =
        fmt::format("{:>{}}  {:>{}}  {:>{}}", bytes, amount_width, rate, rate_width, lasted, left_width);
    const std::size_t columns = usable(screen);
    const std::string name = printable(which.name);
    if (columns < facts.size() + gap_width + 4)
        return std::string(head_of(bytes + "  " + name, columns));
    const std::size_t widest = std::max<std::size_t>(columns_of(name), 24);
    return fmt::format("{}  {}", fit(name, std::min(columns - facts.size() - gap_width, widest)), facts);
}

} // namespace http_get
