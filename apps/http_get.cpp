// http_get: downloads a URL to a file.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <portico/http/client.hpp>
#include <portico/portico.hpp>
#include <portico/wire/text.hpp>
#include <string>

namespace {

namespace http = portico::http;

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
    empty_reply = 52,
    connection_failed = 56,
};

struct settings {
    std::string url;
    std::optional<std::string> output;
    double connect_timeout = 30;
    double max_time = 0; // for ever

    bool to_standard_output() const { return output == "-"; }
};

// CLI::Range lets "nan" pass.
std::string check_number(const std::string& text)
{
    return std::isnan(std::stod(text)) ? text + " is not a number" : std::string();
}

void add_options(CLI::App& command, settings& chosen)
{
    command.set_version_flag("--version", std::string("http_get ") + portico::version);
    command.add_option("URL", chosen.url, "What to get: http://HOST[:PORT]/PATH")->required();
    command.add_option("-o,--output", chosen.output, "Where to save it; - is standard output")->type_name("FILE");
    command.add_option("--connect-timeout", chosen.connect_timeout, "Seconds for finding the host and connecting to it")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 1e9))
        ->check(check_number)
        ->capture_default_str();
    command.add_option("-m,--max-time", chosen.max_time, "Seconds for everything; 0 for no limit")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9))
        ->check(check_number);
}

portico::duration seconds(double count)
{
    return std::chrono::duration_cast<portico::duration>(std::chrono::duration<double>(count));
}

portico::url parse_url(const std::string& text)
{
    // A host alone is enough, as for curl; a "://" in its path or query makes no scheme.
    const bool has_scheme = text.find("://") < text.find_first_of("/?#");
    portico::url parsed(has_scheme ? text : "http://" + text);
    if (parsed.scheme() != "http")
        throw portico::error(portico::errc::malformed, "download", parsed.to_string(), portico::phase::none,
                             "only http URLs can be downloaded");
    return parsed;
}

// At once: who reads it through a pipe gets it when it arrives.
void write_to(std::FILE* out, portico::bytes data)
{
    if (std::fwrite(data.data(), 1, data.size(), out) != data.size() || std::fflush(out) != 0)
        throw portico::error(std::error_code(errno, std::system_category()), "write file",
                             out == stdout ? "standard output" : "standard error");
}

/// Shows the head, and gives the body to another receiver.
class printing_receiver final : public http::receiver {
public:
    printing_receiver(std::unique_ptr<http::receiver> body, std::FILE* shown_on)
        : body_(std::move(body)), out_(shown_on) {}

    void on_interim(const http::response_head& head) override { print(head); }
    void on_head(const http::response_head& head) override
    {
        print(head);
        body_->on_head(head);
    }
    void on_data(portico::bytes data) override { body_->on_data(data); }
    void on_end(const portico::fields& trailers) override { body_->on_end(trailers); }

private:
    // What a server sends is shown with its control characters escaped: it may be made for the terminal.
    void print(const http::response_head& head)
    {
        const auto safe = [](const std::string& text) { return portico::text::escape(text, std::string::npos); };
        std::string shown = fmt::format("HTTP/1.{} {:03} {}\n", head.minor_version, head.status, safe(head.reason));
        for (const auto& [name, value] : head.fields)
            shown += fmt::format("{}: {}\n", safe(name), safe(value));
        write_to(out_, shown + '\n');
    }
    std::unique_ptr<http::receiver> body_;
    std::FILE* out_;
};

/// Writes the body to standard output.
class output_receiver final : public http::receiver {
public:
    void on_head(const http::response_head& head) override { http::check_success(head); }
    void on_data(portico::bytes data) override { write_to(stdout, data); }
    void on_end(const portico::fields&) override {}
};

portico::task<> download(const settings& chosen, const portico::url& from)
{
    portico::client_options options;
    options.connecting.timeout = seconds(chosen.connect_timeout);
    http::receiver_maker receiving = [&](portico::context& own) -> std::unique_ptr<http::receiver> {
        if (chosen.to_standard_output())
            return std::make_unique<printing_receiver>(std::make_unique<output_receiver>(), stderr);
        const std::string name = chosen.output.value_or(http::file_name(from));
        auto saving = std::make_unique<http::file_receiver>(own.backend(), name);
        return std::make_unique<printing_receiver>(std::move(saving), stdout);
    };
    const portico::address where = portico::tcp(from.host(), from.port().value());
    portico::client getting(where, http::get(from, std::move(receiving)), options);
    co_await getting.run();
}

exit_status status_of(const portico::error& failure)
{
    const std::string& operation = failure.operation();
    if (failure.code() == portico::errc::timed_out)
        return timed_out;
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
    if (dynamic_cast<const portico::protocol_error*>(&failure) != nullptr)
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
        co_await portico::with_deadline(limit, download(chosen, from));
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
    try {
        command.parse(count, arguments);
    } catch (const CLI::ParseError& wrong) {
        return command.exit(wrong) == 0 ? success : wrong_usage;
    }
    return portico::run(run(chosen));
}
