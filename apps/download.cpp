// download: see download.hpp.
#include "download.hpp"

#include "command_line.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <portico/http/client.hpp>
#include <portico/tls/handshake.hpp>
#include <portico/wire/text.hpp>
#include <sstream>

namespace http_get {

namespace http = portico::http;
namespace tls = portico::tls;

namespace {

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

/// To the first of these addresses that can be connected to; each has its share of the time.
portico::task<portico::connection> connect_to_any(const std::vector<portico::endpoint>& where, std::string name,
                                                  portico::time_point deadline)
{
    portico::context& own = co_await portico::this_context();
    std::vector<portico::error> failures;
    for (std::size_t left = where.size(); left != 0; --left) {
        portico::connect_options options;
        options.timeout = portico::time_left(deadline, own.now()) / left;
        auto made = co_await portico::as_result(portico::connect(where[where.size() - left], options));
        if (made)
            co_return std::move(*made);
        failures.push_back(made.error());
    }
    throw portico::error::of_attempts("connect to", std::move(name), std::move(failures));
}

portico::task<portico::connection> reach(const settings& chosen, const portico::url& from, portico::time_point deadline)
{
    portico::context& own = co_await portico::this_context();
    const portico::address to = portico::tcp(from.host(), from.port().value());
    const auto known = std::find_if(chosen.hosts.rbegin(), chosen.hosts.rend(), [&](const host_entry& each) {
        return each.host == to.host() && each.port == to.port();
    });
    if (known != chosen.hosts.rend())
        co_return co_await connect_to_any(known->addresses, to_string(to), deadline);
    portico::connect_options options;
    options.timeout = portico::time_left(deadline, own.now());
    co_return co_await portico::connect(to, options);
}

/// Ready for a request: connected, and where the URL says so encrypted, to a server that is verified.
portico::task<portico::connection> open_connection(const settings& chosen, const portico::url& from)
{
    portico::context& own = co_await portico::this_context();
    std::optional<tls::client_context> trust; // what is wrong with its files is found before anyone is asked
    if (from.scheme() == "https")
        trust.emplace(chosen.tls);
    const portico::time_point deadline = own.now() + command_line::seconds(chosen.connect_timeout);
    portico::connection server = co_await reach(chosen, from, deadline);
    if (trust) {
        tls::handshake_options options;
        options.timeout = portico::time_left(deadline, own.now());
        co_await tls::handshake(server, *trust, from.host(), options);
    }
    server.timeout(std::chrono::seconds(60));
    co_return server;
}

} // namespace

host_entry host_entry::parse(const std::string& text)
{
    const auto check = [&](bool is_right) {
        if (!is_right)
            throw portico::error(portico::errc::malformed, "parse host entry", text, portico::phase::none,
                                 "it is not HOST:PORT:ADDRESS[,ADDRESS...]");
    };
    const std::string entry = text.substr(text.starts_with('+')); // curl's mark for one that may expire
    const std::size_t host_end = entry.find(':', entry.starts_with('[') ? entry.find(']') : 0);
    check(host_end != entry.npos);
    const std::size_t end = entry.find(':', host_end + 1);
    check(end != entry.npos);
    const auto where = portico::address::parse(entry.substr(0, end));
    check(where.kind() == portico::address::protocol::tcp && !where.host().empty() && where.service().empty());
    host_entry made{where.host(), where.port(), {}};
    std::ranges::transform(made.host, made.host.begin(), portico::text::to_lower);
    std::istringstream list(entry.substr(end + 1));
    for (std::string each; std::getline(list, each, ',');) {
        const bool in_brackets = each.starts_with('[') && each.ends_with(']');
        const auto address = portico::parse_ip(in_brackets ? each.substr(1, each.size() - 2) : each, made.port);
        check(address.has_value());
        made.addresses.push_back(*address);
    }
    check(!made.addresses.empty());
    return made;
}

portico::task<> download(const settings& chosen, const portico::url& from)
{
    http::receiver_maker receiving = [&](portico::context& own) -> std::unique_ptr<http::receiver> {
        if (chosen.output == "-")
            return std::make_unique<printing_receiver>(std::make_unique<output_receiver>(), stderr);
        const std::string name = chosen.output.value_or(http::file_name(from));
        auto saving = std::make_unique<http::file_receiver>(own.backend(), name);
        return std::make_unique<printing_receiver>(std::move(saving), stdout);
    };
    const portico::handler get = http::get(from, std::move(receiving));
    portico::connection server = co_await open_connection(chosen, from);
    co_await get(server);
}

} // namespace http_get
