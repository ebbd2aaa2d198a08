// welcome_server: sends a line to everyone who connects, in the clear or over TLS.
#include "command_line.hpp"
#include "log.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <fmt/format.h>
#include <portico/net/network.hpp>
#include <portico/portico.hpp>
#include <portico/tls/handshake.hpp>

namespace {

using command_line::check_not_empty, command_line::check_number, command_line::seconds;
namespace tls = portico::tls;

struct settings {
    std::vector<std::string> listen{"localhost:9999"};
    bool udp = false;
    std::string mode;
    std::string message = "Welcome to portico!";
    portico::server_options limits;
    double timeout = 10, handshake_timeout = 10;
    std::vector<std::string> proxies, certificates, keys;
    std::string client_ca;
    portico::serve_options serving;
    welcome_server::log_settings log;
};

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
        command.add_option("--log", chosen.log.format, "A line on standard output for each client that has left")
            ->type_name("FORMAT")
            ->check(CLI::IsMember({"text", "json", "none"}))
            ->capture_default_str();
    command.add_flag("--quiet", chosen.log.quiet, "Print errors only")->excludes(log);
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

void add_tls_options(CLI::App& command, settings& chosen)
{
    CLI::Option* const udp = command.get_option("--udp");
    const auto add = [&](const char* name, auto& value, const char* description) {
        return command.add_option(name, value, description)->type_name("FILE")->check(check_not_empty)->excludes(udp);
    };
    command
        .add_option("--handshake-timeout", chosen.handshake_timeout,
                    "Seconds for what comes before the message: the header of a proxy, the handshake of TLS")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 1e9))
        ->check(check_number)
        ->capture_default_str()
        ->excludes(udp);
    CLI::Option* const certificate =
        add("--tls-cert", chosen.certificates,
            "Speak TLS alone, and show this certificate: PEM. Of several, the one for the name that a client asks for, "
            "or else the first. SIGHUP reads them again")
            ->allow_extra_args(false);
    add("--tls-key", chosen.keys, "Its private key, in the order of the certificates; by default in the same file")
        ->allow_extra_args(false)
        ->needs(certificate);
    add("--client-ca", chosen.client_ca, "Serve only those who show a certificate that one of these has issued")
        ->needs(certificate);
}

std::vector<portico::address> addresses(const settings& chosen)
{
    const auto kind = chosen.udp ? portico::address::protocol::udp : portico::address::protocol::tcp;
    std::vector<portico::address> where;
    where.reserve(chosen.listen.size());
    for (const std::string& each : chosen.listen)
        where.push_back(portico::address::parse(each, kind));
    return where;
}

tls::server_context read_certificates(const settings& chosen)
{
    if (!chosen.keys.empty() && chosen.keys.size() != chosen.certificates.size())
        throw CLI::ValidationError("--tls-key", "there must be one for each --tls-cert, or none");
    tls::server_options options;
    for (std::size_t i = 0; i < chosen.certificates.size(); ++i)
        options.certificates.push_back({chosen.certificates[i], chosen.keys.empty() ? "" : chosen.keys[i]});
    if (!chosen.client_ca.empty())
        options.clients = tls::client_certificates::required;
    options.client_ca_file = chosen.client_ca;
    return tls::server_context(options);
}

void add_tls(portico::server& server, settings& chosen)
{
    if (chosen.certificates.empty())
        return;
    const tls::server_context context = read_certificates(chosen);
    server.handshake(tls::handshaker(context));
    chosen.serving.on_reload = [context] {
        context.reload();
        fmt::print(stderr, "welcome_server: the certificates are read again\n");
    };
}

int serve_connections(settings chosen, const std::string& line, const welcome_server::log& log)
{
    chosen.limits.timeout = seconds(chosen.timeout);
    chosen.limits.handshake_timeout = seconds(chosen.handshake_timeout);
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
    if (log.shows_clients()) {
        server.on_close([&log](const portico::closed_session& which) { log.on_close(which); });
        server.on_handshake_failed([&log](const portico::closed_session& which) { log.on_close(which); });
    }
    add_tls(server, chosen);
    return portico::serve(server, std::move(chosen.serving));
}

portico::task<> answer(portico::packet& request, const std::string& line, const welcome_server::log& log)
{
    portico::context& own = co_await portico::this_context();
    const portico::time_point begin = own.now();
    co_await request.reply(line);
    if (log.shows_clients())
        log.on_close({request.remote_endpoint(), own.now() - begin, request.data().size(), line.size(),
                      portico::session_end::served, nullptr});
}

int serve_datagrams(settings chosen, const std::string& line, const welcome_server::log& log)
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
                     "say what its clients are at, SIGHUP read certificates again. It may be started by systemd.");
    settings chosen;
    add_serving_options(command, chosen);
    add_connection_options(command, chosen);
    add_tls_options(command, chosen);
    try {
        command.parse(count, arguments);
        const std::string line = chosen.message + "\r\n";
        chosen.log.is_one_of_several = chosen.serving.prefork != 0;
        const welcome_server::log log(chosen.log);
        const auto serve = chosen.udp ? serve_datagrams : serve_connections;
        return serve(std::move(chosen), line, log);
    } catch (const CLI::ParseError& wrong) {
        return command.exit(wrong) == 0 ? 0 : 2;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "welcome_server: {}\n", failure.what());
        return 2;
    }
}
