// welcome_server: sends a line to everyone who connects.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <portico/portico.hpp>
#include <string>
#include <vector>

namespace {

struct settings {
    std::vector<std::string> listen{"localhost:9999"};
    std::string mode;
    std::string message = "Welcome to portico!";
    portico::server_options limits;
    double timeout = 10;
    bool quiet = false;
};

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

void add_options(CLI::App& command, settings& chosen)
{
    command.set_version_flag("--version", std::string("welcome_server ") + portico::version);
    command.add_option("--listen", chosen.listen, "Where to listen; may be given several times")
        ->type_name("HOST:PORT|unix:PATH")
        ->capture_default_str();
    command.add_option("--mode", chosen.mode, "Mode of the files of Unix sockets, in octal: who may write may connect")
        ->type_name("MODE")
        ->check(check_mode);
    command.add_option("--message", chosen.message, "What to send; CR LF is added")
        ->type_name("TEXT")
        ->capture_default_str();
    command.add_option("--max-connections", chosen.limits.max_connections, "Connections at a time; others wait")
        ->check(CLI::Range(std::size_t{1}, std::size_t{10'000'000}))
        ->capture_default_str();
    command.add_option("--backlog", chosen.limits.backlog, "Connections that may wait to be accepted")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command.add_option("--timeout", chosen.timeout, "Seconds that a client may take to accept the message")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 1e9))
        ->check(check_number)
        ->capture_default_str();
    command.add_flag("--quiet", chosen.quiet, "Print errors only");
}

void print(const std::string& line)
{
    // Who reads a log through a pipe wants each line when it happens; a log that cannot be written stops no service.
    if (std::fputs((line + '\n').c_str(), stdout) == EOF || std::fflush(stdout) != 0)
        std::clearerr(stdout);
}

int serve(settings chosen)
{
    std::vector<portico::address> where;
    where.reserve(chosen.listen.size());
    for (const std::string& each : chosen.listen)
        where.push_back(portico::address::parse(each));
    const std::chrono::duration<double> timeout(chosen.timeout);
    chosen.limits.timeout = std::chrono::duration_cast<portico::duration>(timeout);

    if (!chosen.mode.empty())
        chosen.limits.mode = std::stoi(chosen.mode, nullptr, 8);

    const std::string line = chosen.message + "\r\n";
    portico::server server(std::move(where),
                           [&line](portico::connection& client) -> portico::task<> { co_await client.write(line); },
                           chosen.limits);
    if (!chosen.quiet) {
        server.on_listening([](const std::vector<portico::endpoint>& endpoints) {
            for (const portico::endpoint& each : endpoints)
                print("listening on " + to_string(each));
        });
        server.on_accept([](const portico::connection& client) {
            print("connection from " + to_string(client.remote_endpoint()));
        });
    }
    return portico::serve(server);
}

} // namespace

int main(int count, char** arguments)
{
    CLI::App command("Sends a line to everyone who connects. Ends on SIGINT and SIGTERM.");
    settings chosen;
    add_options(command, chosen);
    try {
        command.parse(count, arguments);
        return serve(std::move(chosen));
    } catch (const CLI::ParseError& wrong) {
        return command.exit(wrong) == 0 ? 0 : 2;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "welcome_server: {}\n", failure.what());
        return 2;
    }
}
