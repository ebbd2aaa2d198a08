// welcome_server: sends a line to everyone who connects. Its log never keeps it waiting.
#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <portico/net/network.hpp>
#include <portico/portico.hpp>
#include <portico/server/access_log.hpp>
#include <portico/wire/json.hpp>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

struct settings {
    std::vector<std::string> listen{"localhost:9999"};
    bool udp = false;
    std::string mode;
    std::string message = "Welcome to portico!";
    portico::server_options limits;
    double timeout = 10;
    std::vector<std::string> proxies;
    portico::serve_options serving;
    std::string log = "text";
    bool quiet = false;
};

portico::duration seconds(double count)
{
    return std::chrono::duration_cast<portico::duration>(std::chrono::duration<double>(count));
}

// CLI::Range lets "nan" pass.
std::string check_number(const std::string& text)
{
    return std::isnan(std::stod(text)) ? text + " is not a number" : std::string();
}

std::string check_mode(const std::string& text)
{
    const bool is_mode = !text.empty() && text.size() <= 4 && text.find_first_not_of("01234567") == text.npos
                      && std::stoi(text, nullptr, 8) <= 0777;
    return is_mode ? std::string() : text + " is no mode: 0 to 777";
}

// Limits of a drain, SOFT[:HARD].
void read_drain(const std::string& text, portico::serve_options& to)
{
    const char* const end = text.data() + text.size();
    double soft = 0;
    auto read = std::from_chars(text.data(), end, soft);
    double hard = soft + 5;
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == ':')
        read = std::from_chars(read.ptr + 1, end, hard);
    if (read.ec != std::errc() || read.ptr != end || !(soft >= 0 && soft <= hard && hard <= 1e9))
        throw CLI::ValidationError("--drain", text + " is not SOFT or SOFT:HARD in seconds, HARD not below SOFT");
    to.soft = seconds(soft);
    to.hard = seconds(hard);
}

void add_serving_options(CLI::App& command, settings& chosen)
{
    command.set_version_flag("--version", std::string("welcome_server ") + portico::version);
    command.add_option("--listen", chosen.listen, "Where to listen; may be given several times")
        ->type_name("HOST:PORT|unix:PATH")
        ->allow_extra_args(false)
        ->capture_default_str();
    command.add_option("--message", chosen.message, "What to send; CR LF is added")
        ->type_name("TEXT")
        ->capture_default_str();
    CLI::Option* const prefork =
        command.add_option("--prefork", chosen.serving.prefork, "Processes that serve; the limits hold for each")
            ->check(CLI::Range(1, 1024));
    command.add_option("--hand-over", chosen.serving.hand_over,
                       "A Unix socket by which the next welcome_server takes over: a restart that refuses nobody")
        ->type_name("PATH")
        ->excludes(prefork);
    CLI::Option* const log =
        command.add_option("--log", chosen.log, "A line on standard output for each client that has left")
            ->type_name("FORMAT")
            ->check(CLI::IsMember({"text", "json", "none"}))
            ->capture_default_str();
    command.add_flag("--quiet", chosen.quiet, "Print errors only")->excludes(log);
    command.add_option("--timeout", chosen.timeout, "Seconds that a client may take to accept the message")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 1e9))
        ->check(check_number)
        ->capture_default_str();
}

/// What there is for connections alone.
void add_connection_options(CLI::App& command, settings& chosen)
{
    CLI::Option* const udp = command.add_flag("--udp", chosen.udp, "Answer datagrams in place of connections");
    const auto add = [&](const char* name, auto& value, const char* description) {
        return command.add_option(name, value, description)->excludes(udp);
    };
    add("--mode", chosen.mode, "Mode of the files of Unix sockets, in octal: who may write may connect")
        ->type_name("MODE")
        ->check(check_mode);
    add("--threads", chosen.limits.threads, "Threads that serve; the limits are for all of them")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    add("--max-connections", chosen.limits.max_connections, "Connections at a time; others wait")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
        ->capture_default_str();
    add("--max-per-ip", chosen.limits.max_connections_per_address,
        "Connections at a time from an IPv4 address or an IPv6 network of 64 bits; others are closed")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
        ->capture_default_str();
    add("--backlog", chosen.limits.backlog, "Connections that may wait to be accepted")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    add("--proxy-protocol", chosen.proxies,
        "Accept connections from these proxies alone, which say for whom by the PROXY protocol")
        ->type_name("NETWORK[,NETWORK...]|unix:")
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_option_function<std::string>(
               "--drain", [&](const std::string& text) { read_drain(text, chosen.serving); },
               "Seconds that clients have after SIGTERM; then they are cancelled, and at HARD aborted")
        ->type_name("SOFT[:HARD]")
        ->default_str("30:35")
        ->excludes(udp);
}

/// Standard output, as a log: a line is written at once and as a whole, by whichever thread or process, or is lost. One
/// that is full or closed, or that nobody reads, keeps no client waiting.
class log_output {
public:
    log_output()
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

    void print(std::string line) const
    {
        line += '\n';
        const auto done = is_socket_ ? ::send(handle_, line.data(), line.size(), MSG_DONTWAIT)
                                     : ::write(handle_, line.data(), line.size());
        static_cast<void>(done);
    }

private:
    int handle_ = STDOUT_FILENO;
    bool is_socket_ = false;
};

class logger {
public:
    explicit logger(const settings& chosen)
        : format_(chosen.log == "json" ? portico::log_format::json : portico::log_format::text),
          prints_addresses_(!chosen.quiet), prints_clients_(!chosen.quiet && chosen.log != "none"),
          is_one_of_several_(chosen.serving.prefork != 0) {}

    bool prints_clients() const { return prints_clients_; }

    void on_listening(const std::vector<portico::endpoint>& endpoints) const
    {
        if (!prints_addresses_)
            return;
        for (const portico::endpoint& each : endpoints) {
            if (format_ == portico::log_format::json)
                to_.print(fmt::format(R"({{"time":"{}","listening":{},"process":{}}})", portico::log_time(now()),
                                      portico::text::json_string(to_string(each)), ::getpid()));
            else
                to_.print("listening on " + to_string(each)
                          + (is_one_of_several_ ? fmt::format(" (process {})", ::getpid()) : ""));
        }
    }

    void on_close(const portico::closed_session& which) const
    {
        to_.print(portico::access_log_line(which, now(), format_));
    }

private:
    static std::chrono::system_clock::time_point now() { return std::chrono::system_clock::now(); }

    log_output to_;
    portico::log_format format_;
    bool prints_addresses_, prints_clients_, is_one_of_several_;
};

std::vector<portico::address> addresses(const settings& chosen)
{
    const auto kind = chosen.udp ? portico::address::protocol::udp : portico::address::protocol::tcp;
    std::vector<portico::address> where;
    where.reserve(chosen.listen.size());
    for (const std::string& each : chosen.listen)
        where.push_back(portico::address::parse(each, kind));
    return where;
}

int serve_connections(settings chosen, const std::string& line, const logger& log)
{
    chosen.limits.timeout = seconds(chosen.timeout);
    if (!chosen.mode.empty())
        chosen.limits.mode = std::stoi(chosen.mode, nullptr, 8);
    portico::server server(addresses(chosen),
                           [&line](portico::connection& client) -> portico::task<> { co_await client.write(line); },
                           chosen.limits);
    if (!chosen.proxies.empty()) {
        std::vector<portico::network> trusted;
        trusted.reserve(chosen.proxies.size());
        for (const std::string& each : chosen.proxies)
            trusted.push_back(portico::network::parse(each));
        server.trust_proxies(std::move(trusted));
    }
    server.on_listening([&log](const std::vector<portico::endpoint>& where) { log.on_listening(where); });
    if (log.prints_clients())
        server.on_close([&log](const portico::closed_session& which) { log.on_close(which); });
    return portico::serve(server, std::move(chosen.serving));
}

portico::task<> answer(portico::packet& request, const std::string& line, const logger& log)
{
    portico::context& own = co_await portico::this_context();
    const portico::time_point begin = own.now();
    co_await request.reply(line);
    if (log.prints_clients())
        log.on_close({request.remote_endpoint(), own.now() - begin, request.data().size(), line.size(),
                      portico::session_end::served, nullptr});
}

int serve_datagrams(settings chosen, const std::string& line, const logger& log)
{
    portico::datagram_server_options limits;
    limits.handler_timeout = seconds(chosen.timeout);
    portico::datagram_server server(addresses(chosen),
                                    [&](portico::packet& request) { return answer(request, line, log); }, limits);
    server.on_listening([&log](const std::vector<portico::endpoint>& where) { log.on_listening(where); });
    return portico::serve(server, std::move(chosen.serving));
}

} // namespace

int main(int count, char** arguments)
{
    CLI::App command("Sends a line to everyone who connects. SIGTERM and SIGINT end it gently, SIGUSR1 has it\n"
                     "say what its clients are at. It may be started by systemd.");
    settings chosen;
    add_serving_options(command, chosen);
    add_connection_options(command, chosen);
    try {
        command.parse(count, arguments);
        const std::string line = chosen.message + "\r\n";
        const logger log(chosen);
        const auto serve = chosen.udp ? serve_datagrams : serve_connections;
        return serve(std::move(chosen), line, log);
    } catch (const CLI::ParseError& wrong) {
        return command.exit(wrong) == 0 ? 0 : 2;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "welcome_server: {}\n", failure.what());
        return 2;
    }
}
