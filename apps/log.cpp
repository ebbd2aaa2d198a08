// log: see log.hpp.
#include "log.hpp"

#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <portico/wire/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace welcome_server {

log_output::log_output() : handle_(STDOUT_FILENO)
{
    struct stat what{};
    if (::fstat(STDOUT_FILENO, &what) != 0) // there is none: no client's socket may take its number
        handle_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    is_socket_ = S_ISSOCK(what.st_mode);
    // Opened anew: to make it non-blocking must not concern others that write to it.
    if (S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode)) {
        const int own = ::open("/dev/stdout", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        handle_ = own < 0 ? STDOUT_FILENO : own;
    }
    std::signal(SIGPIPE, SIG_IGN);
}

void log_output::print(std::string line) const
{
    line += '\n';
    const auto done = is_socket_ ? ::send(handle_, line.data(), line.size(), MSG_DONTWAIT)
                                 : ::write(handle_, line.data(), line.size());
    static_cast<void>(done);
}

namespace {

std::chrono::system_clock::time_point now()
{
    return std::chrono::system_clock::now();
}

} // namespace

log::log(const log_settings& chosen)
    : format_(chosen.format == "json" ? portico::log_format::json : portico::log_format::text),
      shows_addresses_(!chosen.quiet), shows_clients_(!chosen.quiet && chosen.format != "none"),
      is_one_of_several_(chosen.is_one_of_several)
{
}

void log::on_listening(const std::vector<portico::endpoint>& where) const
{
    if (!shows_addresses_)
        return;
    for (const portico::endpoint& each : where) {
        if (format_ == portico::log_format::json)
            to_.print(fmt::format(R"({{"time":"{}","listening":{},"process":{}}})", portico::log_time(now()),
                                  portico::text::json_string(to_string(each)), ::getpid()));
        else
            to_.print("listening on " + to_string(each)
                      + (is_one_of_several_ ? fmt::format(" (process {})", ::getpid()) : ""));
    }
}

void log::on_close(const portico::closed_session& which) const
{
    to_.print(portico::access_log_line(which, now(), format_));
}

} // namespace welcome_server
