// display: the progress of downloads on a terminal, and messages above it. A frame is one write, and clears nothing
// that stays: it does not flicker.
#pragma once

#include "progress.hpp"

namespace http_get {

class shown_transfer;

/// What is under way, on standard error. Between two frames the cursor is at the beginning of the first line, so that
/// a terminal that is resized keeps it there, whether it wraps its lines anew or not.
class display {
public:
    /// Without `wanted`, or where standard error is no terminal that moves its cursor, it shows messages only.
    explicit display(bool wanted);
    display(const display&) = delete;
    display& operator=(const display&) = delete;

    bool is_on() const noexcept { return is_on_; } ///< whether it shows more than messages
    /// How many transfers there will be in all; with more than one there is a sum.
    void expect(std::size_t transfers) noexcept { expected_ = transfers; }
    /// Writes a message at once: one or several lines, each with its end, of which everything is printable.
    void print(std::string_view lines);
    /// Draws what has changed. Call it a few times a second.
    void draw(portico::time_point now);
    /// Draws for the last time: what runs goes, what has ended stays, and so does the sum.
    void finish(portico::time_point now);

private:
    friend class shown_transfer;
    std::optional<transfer_view> sum(portico::time_point now);
    void write_frame(const std::vector<std::string>& lines, screen_size screen);

    bool is_on_;
    std::vector<shown_transfer*> running_;
    std::string above_; // lines that scroll away, not yet written
    std::vector<std::string> drawn_;
    screen_size drawn_on_;
    std::size_t expected_ = 1, ended_ = 0;
    std::uint64_t ended_size_ = 0, ended_received_ = 0;
    std::optional<portico::time_point> began_;
    rate_meter all_;
};

/// A transfer that is on the display for as long as this object lives. The display outlives it.
class shown_transfer {
public:
    shown_transfer(display& on, std::string name, portico::time_point now);
    ~shown_transfer();
    shown_transfer(const shown_transfer&) = delete;
    shown_transfer& operator=(const shown_transfer&) = delete;

    void rename(std::string name) { view_.name = std::move(name); } ///< shows another name
    /// Bytes of the file so far, and in all. What it has at its first call did not come now.
    void update(std::uint64_t received, std::optional<std::uint64_t> total) noexcept;
    /// Shows this in place of rate and time left, until bytes come.
    void note(std::string what) { view_.note = std::move(what); }
    /// It is complete: `received` bytes have come for it. A line with that stays.
    void end(portico::time_point now, std::uint64_t size, std::uint64_t received);

private:
    friend class display;
    display& on_;
    transfer_view view_;
    portico::time_point began_;
    rate_meter meter_;
    std::uint64_t came_ = 0;
    bool has_begun_ = false;
};

} // namespace http_get
