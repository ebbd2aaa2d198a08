// http_get: downloads a URL to a file.
#include "command_line.hpp"
#include "download.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <portico/tls/certificate_error.hpp>

namespace {

using command_line::check_not_empty, command_line::check_number, command_line::seconds;
using http_get::settings;
namespace tls = portico::tls;

// Spelled as curl's, so that scripts know them.
enum exit_status : int {
    success = 0,
    wrong_usage = 2,
    malformed_url = 3,
    unknown_host = 6,
    cannot_connect = 7,
    weird_reply = 8,
    partial_file = 18,
    http_error = 22,
    cannot_write = 23,
    timed_out = 28,
    handshake_failed = 35,
    empty_reply = 52,
    connection_failed = 56,
    bad_own_certificate = 58,
    untrusted = 60,
    bad_ca_file = 77,
    wrong_public_key = 90,
};

void add_options(CLI::App& command, settings& chosen)
{
    command.set_version_flag("--version", std::string("http_get ") + portico::version);
    command.add_option("URL", chosen.url, "What to get: http[s]://HOST[:PORT]/PATH")->required();
    command.add_option("-o,--output", chosen.output, "Where to save it; - is standard output")->type_name("FILE");
    command
        .add_option("--connect-timeout", chosen.connect_timeout,
                    "Seconds for finding the host, connecting to it and the handshake of TLS")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 1e9))
        ->check(check_number)
        ->capture_default_str();
    command.add_option("-m,--max-time", chosen.max_time, "Seconds for everything; 0 for no limit")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9))
        ->check(check_number);
    command
        .add_option_function<std::vector<std::string>>(
            "--resolve",
            [&](const std::vector<std::string>& entries) {
                for (const std::string& each : entries)
                    chosen.hosts.push_back(http_get::host_entry::parse(each));
            },
            "Where this host and port are, without a look-up; may be given several times")
        ->type_name("HOST:PORT:ADDRESS[,ADDRESS...]")
        ->allow_extra_args(false);
}

void add_tls_options(CLI::App& command, tls::client_options& chosen)
{
    const auto add = [&](const char* name, auto& value, const char* description) {
        return command.add_option(name, value, description)->check(check_not_empty);
    };
    add("--cacert", chosen.ca_file, "Whom to trust, in place of those whom the system does: certificates in PEM")
        ->type_name("FILE");
    add("--capath", chosen.ca_folder, "The same as a folder, prepared by openssl rehash")->type_name("DIRECTORY");
    command.add_flag("-k,--insecure", chosen.insecure_skip_verify,
                     "Take any certificate: whoever is on the way can read and change everything");
    CLI::Option* const certificate =
        add("-E,--cert", chosen.certificate.certificate, "The certificate to show to a server that asks: PEM")
            ->type_name("FILE");
    add("--key", chosen.certificate.key, "Its private key, in PEM; by default in the same file")
        ->type_name("FILE")
        ->needs(certificate);
    add("--pinnedpubkey", chosen.pinned_public_key,
        "What the server's public key must be: a file with it, or the hashes of several")
        ->type_name("FILE|sha256//HASH[;sha256//HASH...]");
    const auto add_least = [&](const char* name, tls::protocol_version version, const char* description) {
        const auto raise = [&chosen, version] { chosen.least = std::max(chosen.least, version); };
        command.add_flag_callback(name, raise, description);
    };
    add_least("--tlsv1.2", tls::protocol_version::tls1_2, "At least TLS 1.2, as it is by default");
    add_least("--tlsv1.3", tls::protocol_version::tls1_3, "At least TLS 1.3");
    const auto set_newest = [&](const std::string& text) {
        chosen.most = text == "1.2" ? tls::protocol_version::tls1_2 : tls::protocol_version::tls1_3;
    };
    command.add_option_function<std::string>("--tls-max", set_newest, "At most this version of TLS")
        ->type_name("VERSION")
        ->check(CLI::IsMember({"1.2", "1.3"}));
}

portico::url parse_url(const std::string& text)
{
    // A host alone is enough, as for curl; a "://" in its path or query makes no scheme.
    const bool has_scheme = text.find("://") < text.find_first_of("/?#");
    portico::url parsed(has_scheme ? text : "http://" + text);
    if (parsed.scheme() != "http" && parsed.scheme() != "https")
        throw portico::error(portico::errc::malformed, "download", parsed.to_string(), portico::phase::none,
                             "only http and https URLs can be downloaded");
    return parsed;
}

exit_status status_of(const portico::error& failure)
{
    const std::string& operation = failure.operation();
    if (failure.code() == portico::errc::timed_out)
        return timed_out;
    if (const auto* const verdict = dynamic_cast<const tls::certificate_error*>(&failure))
        return verdict->reason() == 0 ? wrong_public_key : untrusted;
    if (operation == "read certificate" || operation == "read private key")
        return bad_own_certificate;
    if (operation == "read CA certificates")
        return bad_ca_file;
    if (operation == "read public key")
        return wrong_public_key;
    if (operation == "set up TLS")
        return wrong_usage;
    if (operation == "TLS handshake with")
        return handshake_failed;
    if (operation.ends_with(" file") || operation.starts_with("rename file"))
        return cannot_write;
    if (dynamic_cast<const portico::reply_error*>(&failure) != nullptr)
        return http_error;
    if (operation == "parse URL" || operation == "download")
        return malformed_url;
    if (operation == "resolve")
        return unknown_host;
    if (operation == "connect to")
        return cannot_connect;
    if (operation == "wait for a response")
        return empty_reply;
    if (failure.code() == portico::errc::truncated)
        return partial_file;
    if (operation == "read response")
        return weird_reply;
    return connection_failed;
}

portico::task<int> run(const settings& chosen)
{
    std::string what; // without a user's name and password: it is shown
    try {
        const portico::url from = parse_url(chosen.url);
        what = from.to_string() + ": ";
        const portico::duration limit = chosen.max_time > 0 ? seconds(chosen.max_time) : portico::no_timeout;
        co_await portico::with_deadline(limit, http_get::download(chosen, from));
        co_return success;
    } catch (const portico::error& failure) {
        if (failure.phase() == portico::phase::total)
            fmt::print(stderr, "http_get: {}not complete after {} seconds\n", what, chosen.max_time);
        else
            fmt::print(stderr, "http_get: {}{}\n", what, failure.what());
        co_return status_of(failure);
    }
}

} // namespace

int main(int count, char** arguments)
{
    CLI::App command("Downloads a URL to a file: the last segment of its path, or index.html.\n"
                     "The file appears under its name when it is whole.");
    settings chosen;
    add_options(command, chosen);
    add_tls_options(command, chosen.tls);
    try {
        command.parse(count, arguments);
    } catch (const CLI::ParseError& wrong) {
        return command.exit(wrong) == 0 ? success : wrong_usage;
    } catch (const portico::error& wrong) {
        fmt::print(stderr, "http_get: {}\n", wrong.what());
        return wrong_usage;
    }
    return portico::run(run(chosen));
}
