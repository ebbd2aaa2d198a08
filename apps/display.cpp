// display: see display.hpp.
#include "display.hpp"

#include "command_line.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace http_get {

namespace {

constexpr int output = STDERR_FILENO;

bool moves_its_cursor()
{
    const char* const kind = command_line::environment("TERM");
    return ::isatty(output) == 1 && kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
}

unsigned number_in(const char* variable, unsigned otherwise)
{
    const char* const text = command_line::environment(variable);
    const long value = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
    return value > 0 && value < 10000 ? static_cast<unsigned>(value) : otherwise;
}

screen_size size_of_screen()
{
    winsize known{};
    ::ioctl(output, TIOCGWINSZ, &known);
    return {known.ws_col != 0 ? known.ws_col : number_in("COLUMNS", 80),
            known.ws_row != 0 ? known.ws_row : number_in("LINES", 24)};
}

/// A terminal that is stopped (Ctrl-S) keeps no download waiting, and a job in the background draws nothing.
bool takes_frames()
{
    pollfd terminal{output, POLLOUT, 0};
    const pid_t in_front = ::tcgetpgrp(output);
    return ::poll(&terminal, 1, 0) == 1 && (in_front < 0 || in_front == ::getpgrp());
}

void write_all(std::string_view text)
{
    while (!text.empty()) {
        const ssize_t count = ::write(output, text.data(), text.size());
        if (count < 0 && errno == EAGAIN) { // others made it non-blocking
            pollfd ready{output, POLLOUT, 0};
            ::poll(&ready, 1, -1);
        } else if (count < 0 && errno != EINTR) {
            return; // nobody is there to be told
        } else if (count > 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }
}

constexpr const char* clear_to_end_of_line = "\x1b[K";
constexpr const char* clear_below = "\x1b[J";

} // namespace

display::display(bool wanted) : is_on_(wanted && moves_its_cursor()) {}

void display::print(std::string_view lines)
{
    if (drawn_.empty() && above_.empty()) {
        write_all(lines);
        return;
    }
    above_ += lines;
    write_frame(drawn_, drawn_on_);
}

std::optional<transfer_view> display::sum(portico::time_point now)
{
    if (expected_ < 2)
        return std::nullopt;
    transfer_view made{fmt::format("{} of {} files", ended_, expected_), ended_size_, ended_size_};
    std::uint64_t came = ended_received_;
    for (const shown_transfer* each : running_) {
        made.received += each->view_.received;
        came += each->came_;
        if (made.total && each->view_.total)
            *made.total += *each->view_.total;
        else
            made.total.reset();
    }
    if (ended_ + running_.size() < expected_)
        made.total.reset();
    all_.update(now, came);
    made.rate = all_.per_second();
    return made;
}

void display::draw(portico::time_point now)
{
    if (!is_on_ || !takes_frames())
        return;
    std::vector<transfer_view> views;
    for (shown_transfer* each : running_) {
        each->meter_.update(now, each->came_);
        each->view_.rate = each->meter_.per_second();
        views.push_back(each->view_);
    }
    const screen_size screen = size_of_screen();
    const std::vector<std::string> lines = render(views, sum(now), screen);
    if (lines != drawn_ || screen != drawn_on_ || !above_.empty())
        write_frame(lines, screen);
}

void display::finish(portico::time_point now)
{
    if (!is_on_)
        return;
    const screen_size screen = size_of_screen();
    if (expected_ > 1 && began_) {
        const double seconds = std::max(1e-3, std::chrono::duration<double>(now - *began_).count());
        const transfer_view all{fmt::format("{} of {} files", ended_, expected_), ended_size_, {},
                                static_cast<double>(ended_received_) / seconds};
        above_ += render_ended(all, now - *began_, screen) + '\n';
    }
    if (!drawn_.empty() || !above_.empty())
        write_frame({}, screen);
    is_on_ = false;
}

void display::write_frame(const std::vector<std::string>& lines, screen_size screen)
{
    std::string frame = "\r";
    if (!above_.empty())
        (frame += clear_below) += above_;
    for (std::size_t index = 0; index < lines.size(); ++index)
        ((frame += index == 0 ? "" : "\n\r") += lines[index]) += clear_to_end_of_line;
    // Below there are lines of the frame before: it had more of them, or the terminal has wrapped them anew.
    if (lines.size() < drawn_.size() || screen != drawn_on_)
        frame += clear_below;
    frame += lines.size() > 1 ? fmt::format("\r\x1b[{}A", lines.size() - 1) : "\r";
    above_.clear();
    drawn_ = lines;
    drawn_on_ = screen;
    write_all(frame);
}

shown_transfer::shown_transfer(display& on, std::string name, portico::time_point now)
    : on_(on), view_{std::move(name)}, began_(now)
{
    if (!on_.began_) {
        on_.began_ = now;
        on_.all_.update(now, 0);
    }
    meter_.update(now, 0);
    on_.running_.push_back(this);
}

shown_transfer::~shown_transfer()
{
    std::erase(on_.running_, this);
}

void shown_transfer::update(std::uint64_t received, std::optional<std::uint64_t> total) noexcept
{
    if (has_begun_ && received > view_.received) {
        came_ += received - view_.received;
        view_.note.clear();
    }
    has_begun_ = true;
    view_.received = received;
    view_.total = total;
}

void shown_transfer::end(portico::time_point now, std::uint64_t size, std::uint64_t received)
{
    ++on_.ended_;
    on_.ended_size_ += size;
    on_.ended_received_ += received;
    std::erase(on_.running_, this);
    if (!on_.is_on_)
        return;
    const double seconds = std::max(1e-3, std::chrono::duration<double>(now - began_).count());
    view_.received = size;
    view_.rate = static_cast<double>(received) / seconds;
    on_.above_ += render_ended(view_, now - began_, size_of_screen()) + '\n';
}

} // namespace http_get
