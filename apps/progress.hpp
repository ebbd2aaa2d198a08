// progress: what the display of downloads says, as lines of text. Pure: no terminal, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <portico/core/timer.hpp>
#include <string>
#include <vector>

namespace http_get {

/// How fast bytes come: an average over the last seconds that forgets the older ones bit by bit.
class rate_meter {
public:
    /// So many bytes have come in all until this moment.
    void update(portico::time_point now, std::uint64_t received) noexcept;
    double per_second() const noexcept { return seconds_ > 0 ? bytes_ / seconds_ : 0; } ///< bytes

private:
    std::optional<portico::time_point> before_;
    std::uint64_t received_ = 0;
    double bytes_ = 0, seconds_ = 0; // both fade at the same pace
};

/// A transfer, or the sum of several.
struct transfer_view {
    std::string name;       ///< any bytes
    std::uint64_t received = 0;
    std::optional<std::uint64_t> total{};
    double rate = 0;        ///< bytes a second
    std::string note{};     ///< what is shown in place of rate and time left, if any
};

/// The size of a terminal.
struct screen_size {
    unsigned columns = 80, lines = 24;
    friend bool operator==(const screen_size&, const screen_size&) = default;
};

/// The lines of the display: one a transfer with name, bar, share, bytes, rate and time left, and below them the sum,
/// if there is one. At narrow widths the last of these that do not fit are left out. There are fewer lines than the
/// screen has, and each is narrower than it: transfers without a place are in the sum alone.
std::vector<std::string> render(const std::vector<transfer_view>& running, const std::optional<transfer_view>& sum,
                                screen_size screen);

/// What stays of a transfer that is complete, after `took`: name, bytes, rate, time. Narrower than the screen.
std::string render_ended(const transfer_view& which, portico::duration took, screen_size screen);

/// `999 B`, `1.00 KiB`, `12.3 MiB`, `456 GiB`: three digits that count, eight columns at most.
std::string format_bytes(double count);

} // namespace http_get
