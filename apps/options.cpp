// options: see options.hpp.
#include "options.hpp"

#include "option_adder.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <portico/version.hpp>

namespace http_get {

namespace http = portico::http;
namespace tls = portico::tls;

settings::settings()
{
    client.user_agent = std::string("http_get/") + portico::version;
    client.tls.application_protocols = {"http/1.1"};
    client.proxy_tls.application_protocols = {"http/1.1"};
}

namespace {

using text = std::string;

void check_given(const text& option, const text& value)
{
    if (value.empty())
        refuse(option, value, "it is empty");
}

void add_saving(CLI::App& command, settings& chosen)
{
    const option_adder add(command, "Where it is saved");
    http::download_options& each = chosen.each;
    add.list("-o,--output", "FILE", [](const text&) {}, "Save under this name; - is stdout");
    add.list("-O,--remote-name", "", [](const text&) {}, "Save under the name in the URL, as by default")->expected(0);
    add.flag("-J,--remote-header-name", each.name_from_server, "Save under the name that the server gives");
    add.value("--output-dir", "DIRECTORY", chosen.output_folder, "Save in this directory");
    add.flag("--create-dirs", each.create_folders, "Make directories that are not there");
    add.flag("--overwrite,--clobber,!--no-overwrite", chosen.replaces, "Replace files that are there");
    add.flag("--no-clobber", chosen.numbers_names, "Keep them: the new one is NAME.1 ...");
    add.flag("--if-changed", each.if_changed, "Replace them if the server has a newer one");
    add.list("--sha256", "HEX", [&](const text& given) { chosen.sha256.push_back(given); },
             "What the file must have");
    add.flag("--fsync", each.sync, "End when the file is on the disk");
    add.flag("-R,--remote-time", each.keep_time, "Give the file the time that the server says");
    add.flag("--remove-on-error", each.remove_on_error, "Keep nothing of what fails");
    add.flag("-i,--include", chosen.include_head, "Save the head of the response, too");
    add.value("-D,--dump-header", "FILE", chosen.head_file, "Save heads of responses; - is stdout");
    add.flag("-I,--head", chosen.head_only, "Ask for the head alone, and show it");
    add.value("--input-file", "FILE", chosen.input_file, "URLs to get, one a line; - is stdin");
}

void add_transfer(CLI::App& command, settings& chosen)
{
    const option_adder add(command, "How it is transferred");
    http::download_options& each = chosen.each;
    add.value("-C,--continue-at", "OFFSET", [&](const text& given) {
        each.continue_at = given == "-" ? http::download_options::continue_at_end : parse_size("-C", given);
    }, "Append from this byte on; - is the end");
    add.value("-r,--range", "RANGE", [&](const text& given) {
        const text range = given.find('-') == given.npos ? given + '-' : given;
        if (range.find_first_not_of("0123456789-, ") != range.npos)
            refuse("-r", given, "it is no range such as 0-99, 500- or -100");
        each.request.fields.set("Range", "bytes=" + range);
    }, "Get only these bytes: 0-99, 500-, -100");
    add.flag("-Z,--parallel", chosen.in_parallel, "Get several URLs at a time");
    add.number("--parallel-max", chosen.parallel, "At most so many at a time (50)");
    add.number("--parallel-max-host", chosen.client.connections_per_host, "The same from one host (6)");
    add.size("--limit-rate", each.request.speed.most, "At most so many bytes a second: 500k, 2M");
    add.size("-Y,--speed-limit", each.request.speed.least, "Give up below so many bytes a second ...");
    add.seconds("-y,--speed-time", each.request.speed.window, "... for so long (30)");
    add.size("--max-filesize", each.request.most_bytes, "Refuse what is larger");
    add.value("-m,--max-time", "SECONDS", [&](const text& given) { chosen.max_time = parse_seconds("-m", given); },
              "Give up a download after so long");
    add.value("--connect-timeout", "SECONDS", [&](const text& given) {
        chosen.client.connect_timeout = command_line::seconds(parse_seconds("--connect-timeout", given));
        if (chosen.client.connect_timeout == portico::duration::zero())
            refuse("--connect-timeout", given, "nothing can be done in no time");
    }, "Give up connecting after so long (30)");
    add.number("--retry", each.retry.count, "Try again so often (3, where it can go on)");
    add.seconds("--retry-delay", each.retry.delay, "So long between tries (1, then doubled)");
    add.seconds("--retry-max-time", each.retry.time, "No try begins later than this");
    add.flag("--retry-connrefused", each.retry.refused, "Also where a connection is refused");
    add.flag("--retry-all-errors", each.retry.all_errors, "Also where it is unlikely to help");
    add.flag("--compressed", each.request.decode, "Ask for gzip, br, zstd, deflate; unpack it");
    add.flag("--raw", each.request.parsing.raw, "Save chunks as they come, with their framing");
}

void add_request(CLI::App& command, settings& chosen)
{
    const option_adder add(command, "What is asked");
    http::request_options& request = chosen.each.request;
    http::response_options& parsing = request.parsing;
    add.flag("-L,--location,!--no-location", request.follow_redirects, "Follow redirects, as by default");
    add.number("--max-redirs", request.redirects, "At most so many (50)");
    add.flag("--location-trusted", request.trust_redirects, "Send the login to whoever they lead to");
    add.flag("--allow-downgrade", request.allow_downgrade, "Follow them from https to http, too");
    add.flag("-f,--fail,!--no-fail", chosen.fails, "Fail on HTTP errors, as by default");
    add.flag("--fail-with-body", chosen.each.keep_error_body, "Fail on them, and save what they say");
    add.list("-H,--header", "FIELD", [&](const text& given) {
        for (const text& line : given.starts_with('@') ? lines_of(text_or_file("-H", given)) : std::vector{given})
            if (!line.empty())
                add_field(line, request.fields, request.without);
    }, "Send NAME: VALUE; not NAME:; empty NAME;");
    add.value("-A,--user-agent", "NAME", chosen.client.user_agent, "Who asks; empty: it is not said");
    add.value("-e,--referer", "URL[;auto]", [&](text given) {
        request.refer_redirects = given.ends_with(";auto");
        given.erase(given.size() - (request.refer_redirects ? 5 : 0));
        if (!given.empty())
            add_field("Referer: " + given, request.fields, request.without);
    }, "From where one comes; ;auto: in redirects");
    add.list("-b,--cookie", "NAME=VALUE|FILE", [&](const text& given) {
        if (given.find('=') == given.npos)
            chosen.cookie_files.push_back(given);
        else
            chosen.cookies += (chosen.cookies.empty() ? "" : "; ") + given;
    }, "Send these cookies, or those of a file");
    add.value("-c,--cookie-jar", "FILE", chosen.cookie_jar, "Save cookies here in the end; - is stdout");
    add.value("-z,--time-cond", "DATE|FILE", chosen.time_condition, "Only if it is newer; -DATE: if not newer");
    add.value("--etag-compare", "FILE", chosen.etag_from, "Only if its ETag is not the one in this file");
    add.value("--etag-save", "FILE", chosen.etag_to, "Save its ETag here");
    add.flag("-0,--http1.0", request.http10, "Speak HTTP/1.0");
    add.flag("--http0.9,!--no-http0.9", parsing.http09, "Take answers without a head");
    add.flag("--ignore-content-length", parsing.ignore_content_length, "Read until the server closes");
    add.flag("--tr-encoding", parsing.transfer_codings, "Ask for a compressed transfer");
    add.flag("--path-as-is", chosen.path_as_is, "Keep /../ in the URL");
}

void add_logins(CLI::App& command, settings& chosen)
{
    const option_adder add(command, "Logins");
    http::request_options& request = chosen.each.request;
    add.value("-u,--user", "USER:PASSWORD", chosen.login, "The login; the password may be asked for");
    add.flag("--basic", chosen.basic, "Send it as it is (Basic), as by default");
    add.flag("--digest", chosen.digest, "Prove that one has it (Digest)");
    add.flag("--anyauth", chosen.any, "What the server offers, Digest before Basic");
    add.value("--oauth2-bearer", "TOKEN", request.bearer, "Send this token");
    bool& netrc = chosen.needs_netrc;
    add.action("-n,--netrc", [&] { netrc = true; }, "Take logins from ~/.netrc");
    add.value("--netrc-file", "FILE", chosen.netrc_file, "Take them from this file");
    add.action("--netrc-optional", [&] { chosen.looks_for_netrc = true; }, "Take them from ~/.netrc if it is there");
}

void add_connection(CLI::App& command, settings& chosen)
{
    const option_adder add(command, "Connections and proxies");
    using family = portico::resolve_query::family;
    add.value("-x,--proxy", "[SCHEME://]HOST[:PORT]", chosen.proxy, "The proxy: http, https, socks5 or socks5h");
    add.value("-U,--proxy-user", "USER:PASSWORD", chosen.proxy_login, "The login for it");
    add.flag("-p,--proxytunnel", chosen.each.request.tunnel, "Have it connect (CONNECT), also for http");
    add.flag("--proxy-digest", chosen.proxy_digest, "Prove the login to it (Digest)");
    add.flag("--proxy-anyauth", chosen.proxy_any, "Take what it offers");
    for (const char* const scheme : {"socks5", "socks5h"}) {
        const bool by_proxy = std::string_view(scheme) == "socks5h";
        add.value(by_proxy ? "--socks5-hostname" : "--socks5", "HOST[:PORT]",
                  [&, scheme](const text& given) { chosen.proxy = fmt::format("{}://{}", scheme, given); },
                  by_proxy ? "A SOCKS5 proxy that looks up names" : "A SOCKS5 proxy; names are looked up here");
    }
    add.value("--noproxy", "HOST,...", chosen.no_proxy, "Hosts without a proxy; * is all");
    add.list("--resolve", "HOST:PORT:ADDRESS,...",
             [&](const text& given) { chosen.hosts.push_back(host_entry::parse(given)); }, "Where this host is");
    add.list("--connect-to", "HOST:PORT:HOST:PORT",
             [&](const text& given) { chosen.detours.push_back(detour::parse(given)); }, "Connect to another one");
    add.value("--unix-socket", "PATH", chosen.unix_socket, "Connect to this socket");
    add.action("-4,--ipv4", [&] { chosen.family = family::ipv4; }, "Use IPv4 only");
    add.action("-6,--ipv6", [&] { chosen.family = family::ipv6; }, "Use IPv6 only");
}

void add_tls(CLI::App& command, tls::client_options& chosen)
{
    const option_adder add(command, "TLS");
    const auto path = [&](const char* names, text& target, const char* type, const char* what) {
        return add.value(names, type, [names, &target](const text& given) {
            check_given(names, given); // else it would mean what it means where the option is not given
            target = given;
        }, what);
    };
    path("--cacert", chosen.ca_file, "FILE", "Whom to trust: certificates, in PEM");
    path("--capath", chosen.ca_folder, "DIRECTORY", "The same, as prepared by openssl rehash");
    add.flag("-k,--insecure", chosen.insecure_skip_verify, "Trust anyone: all can be read and changed");
    CLI::Option* const certificate =
        path("-E,--cert", chosen.certificate.certificate, "FILE", "One's own certificate, in PEM");
    path("--key", chosen.certificate.key, "FILE", "Its private key; else it is in the same file")->needs(certificate);
    path("--pinnedpubkey", chosen.pinned_public_key, "FILE|sha256//HASH;...",
         "The server's public key, or hashes of it");
    const auto add_least = [&](const char* name, tls::protocol_version version, const char* what) {
        add.action(name, [&chosen, version] { chosen.least = std::max(chosen.least, version); }, what);
    };
    add_least("--tlsv1.2", tls::protocol_version::tls1_2, "At least TLS 1.2, as by default");
    add_least("--tlsv1.3", tls::protocol_version::tls1_3, "At least TLS 1.3");
    add.value("--tls-max", "VERSION", [&](const text& given) {
        if (given != "1.2" && given != "1.3")
            refuse("--tls-max", given, "it is neither 1.2 nor 1.3");
        chosen.most = given == "1.2" ? tls::protocol_version::tls1_2 : tls::protocol_version::tls1_3;
    }, "At most this version");
}

void add_messages(CLI::App& command, settings& chosen)
{
    const option_adder add(command, "What is said");
    add.flag("-v,--verbose", chosen.verbose, "Show what is asked and answered");
    add.flag("-q,--quiet,--no-progress-meter", chosen.quiet, "Errors only");
    add.flag("-s,--silent", chosen.silent, "Nothing, not even errors");
    add.flag("-S,--show-error", chosen.shows_errors, "Errors, in spite of -s");
    add.value("-w,--write-out", "FORMAT", chosen.write_out, "Say this in the end: %{http_code} %{json}");
}

/// What several options decide together.
void complete(const CLI::App& command, settings& chosen)
{
    const CLI::Option* const output = command.get_option("--output");
    const CLI::Option* const remote_name = command.get_option("--remote-name");
    std::size_t outputs = 0;
    for (const CLI::Option* given : command.parse_order()) // as for curl, each is for one URL
        if (given == output || given == remote_name)
            chosen.outputs.push_back(given == output ? output->results()[outputs++] : "");
    for (const text& each : chosen.outputs)
        if (each.empty() && remote_name->count() == 0)
            check_given("-o", each);
    http::request_options& request = chosen.each.request;
    const auto scheme = [](bool basic, bool digest, bool any) {
        return any || (basic && digest) ? http::authentication::any
             : digest                   ? http::authentication::digest
                                        : http::authentication::basic;
    };
    request.scheme = scheme(chosen.basic, chosen.digest, chosen.any);
    request.proxy_scheme = scheme(false, chosen.proxy_digest, chosen.proxy_any);
    if (!chosen.login.empty())
        request.login = parse_login("-u", chosen.login);
    if (!chosen.proxy_login.empty() && chosen.proxy_login.find(':') == text::npos)
        chosen.proxy_login += ':' + parse_login("-U", chosen.proxy_login).password;
    if (request.speed.least == 0 && command.count("--speed-time") != 0)
        request.speed.least = 1;
    if (!request.fields.all("Range").empty() && chosen.each.continue_at)
        throw portico::error(portico::errc::malformed, "read options", {}, portico::phase::none,
                             "-r and -C are not for the same download");
    if (chosen.parallel == 0 || chosen.client.connections_per_host == 0)
        throw portico::error(portico::errc::malformed, "read options", {}, portico::phase::none,
                             "nothing can be done 0 at a time");
    chosen.write_out = text_or_file("-w", chosen.write_out);
}

/// Others can see the command line.
void hide(int count, char** arguments, std::string_view secret)
{
    for (int index = 1; index < count && !secret.empty(); ++index)
        if (std::string_view(arguments[index]).ends_with(secret))
            std::memset(arguments[index] + std::strlen(arguments[index]) - secret.size(), '*', secret.size());
}

} // namespace

std::optional<int> read_command_line(int count, char** arguments, settings& chosen)
{
    CLI::App command("Downloads what URLs name to files. They appear under their names when they are\n"
                     "whole; what was interrupted goes on where it was. -o, -O and --sha256 may be\n"
                     "given once for each URL.", "http_get");
    command.formatter(std::make_shared<formatter>());
    command.failure_message([](const CLI::App*, const CLI::Error& wrong) {
        return fmt::format("http_get: {}; see http_get --help\n", wrong.what());
    });
    command.set_version_flag("--version", std::string("http_get ") + portico::version);
    command.add_option("URL,--url", chosen.urls, "http[s]://HOST[:PORT]/PATH");
    add_saving(command, chosen);
    add_transfer(command, chosen);
    add_request(command, chosen);
    add_logins(command, chosen);
    add_connection(command, chosen);
    add_tls(command, chosen.client.tls);
    add_messages(command, chosen);
    try {
        command.parse(count, arguments);
        complete(command, chosen);
        if (chosen.urls.empty() && chosen.input_file.empty())
            throw CLI::RequiredError("a URL");
    } catch (const CLI::ParseError& wrong) {
        return command.exit(wrong) == 0 ? 0 : 2;
    } catch (const portico::error& wrong) {
        fmt::print(stderr, "http_get: {}\n", wrong.what());
        return 2;
    }
    for (const std::string& secret : {chosen.login, chosen.proxy_login, chosen.each.request.bearer})
        hide(count, arguments, secret);
    return std::nullopt;
}

} // namespace http_get
