// http_get: downloads what URLs name to files.
#include "command_line.hpp"
#include "options.hpp"
#include "reach.hpp"
#include "transfer.hpp"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <portico/core/scope.hpp>
#include <portico/core/timer.hpp>
#include <portico/server/run.hpp>
#include <portico/wire/text.hpp>
#include <unistd.h>

namespace http_get {

namespace {

namespace http = portico::http;
using namespace std::chrono_literals;

/// Every URL with what was given for it.
std::vector<job> jobs_of(const settings& chosen)
{
    std::vector<job> jobs;
    jobs.reserve(chosen.urls.size());
    for (const std::string& url : chosen.urls)
        jobs.emplace_back(jobs.size(), url);
    if (!chosen.input_file.empty())
        for (const std::string& line : lines_of(read_text("--input-file", chosen.input_file)))
            if (const std::string_view url = portico::text::trim(line); !url.empty() && !url.starts_with('#'))
                jobs.emplace_back(jobs.size(), std::string(url));
    const auto check = [&](const char* option, const std::vector<std::string>& given) {
        for (std::size_t index = jobs.size(); index < given.size(); ++index)
            if (!given[index].empty()) // an -O too many does no harm
                refuse(option, given[index], "there is no URL for it");
    };
    check("-o", chosen.outputs);
    check("--sha256", chosen.sha256);
    for (std::size_t index = 0; index < std::min(jobs.size(), chosen.outputs.size()); ++index)
        jobs[index].output = chosen.outputs[index];
    for (std::size_t index = 0; index < chosen.sha256.size(); ++index) {
        const std::string& hash = chosen.sha256[index];
        if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdefABCDEF") != hash.npos)
            refuse("--sha256", hash, "it is not 64 hexadecimal digits");
        jobs[index].sha256 = hash;
    }
    return jobs;
}

/// With percent signs in place of what could end it early.
std::string encode(const std::string& text)
{
    std::string encoded;
    for (const char each : text)
        encoded += portico::text::is_letter(each) || portico::text::is_digit(each)
                       ? std::string(1, each)
                       : fmt::format("%{:02X}", static_cast<unsigned char>(each));
    return encoded;
}

/// A proxy with the login of -U, unless it has one.
std::string with_login(const settings& chosen, const std::string& proxy)
{
    if (chosen.proxy_login.empty() || proxy.empty() || proxy.find('@') != proxy.npos)
        return proxy;
    const http::login who = parse_login("-U", chosen.proxy_login);
    const std::size_t scheme = proxy.find("://");
    const std::size_t host = scheme == proxy.npos ? 0 : scheme + 3;
    return fmt::format("{}{}:{}@{}", proxy.substr(0, host), encode(who.user), encode(who.password), proxy.substr(host));
}

http::proxy_settings proxies_of(const settings& chosen)
{
    std::vector<std::string> kept; // what the environment's become
    kept.reserve(8);
    auto made = http::proxy_settings::from_environment([&](const char* name) -> const char* {
        const char* const value = command_line::environment(name);
        if (value == nullptr || portico::text::to_lower(*name) == 'n')
            return value;
        return kept.emplace_back(with_login(chosen, value)).c_str();
    });
    if (chosen.proxy)
        made.use(with_login(chosen, *chosen.proxy));
    if (chosen.no_proxy)
        made.no_proxy(*chosen.no_proxy);
    return made;
}

std::optional<std::string> netrc_of(const settings& chosen)
{
    if (!chosen.netrc_file.empty())
        return read_text("--netrc-file", chosen.netrc_file);
    const char* const home = command_line::environment("HOME");
    const std::string path = fmt::format("{}/.netrc", home == nullptr ? "" : home);
    if ((chosen.needs_netrc || chosen.looks_for_netrc) && ::access(path.c_str(), F_OK) == 0)
        return read_text("-n", path);
    return std::nullopt;
}

std::chrono::sys_seconds today(portico::context& own)
{
    return std::chrono::floor<std::chrono::seconds>(own.backend().wall_time());
}

void load_cookies(const settings& chosen, portico::context& own, http::cookie_jar& into)
{
    for (const std::string& path : chosen.cookie_files) {
        const auto there = own.backend().status_of(path);
        const bool is_file = path == "-" || (there && there->what != portico::file_status::kind::folder);
        if (is_file) // as for curl, there need not be one
            into.load(read_text("-b", path), today(own));
    }
}

void save_cookies(session& in, portico::context& own)
{
    if (in.chosen.cookie_jar.empty())
        return;
    const std::string text = in.with.cookies().save(today(own));
    if (in.chosen.cookie_jar == "-")
        print(in.shown, text);
    else
        own.backend().write_file(in.chosen.cookie_jar, text).value();
}

/// Downloads one after the other, until there is none left.
portico::task<> work(session& in, std::vector<job>& jobs, std::size_t& next, exit_status& first_failure)
{
    while (next < jobs.size()) {
        job& mine = jobs[next++];
        const exit_status status = co_await transfer(in, std::move(mine));
        if (first_failure == success)
            first_failure = status;
    }
}

portico::task<> keep_drawing(display& shown)
{
    portico::context& own = co_await portico::this_context();
    for (;;) {
        shown.draw(own.now());
        co_await portico::sleep_for(200ms);
    }
}

portico::task<exit_status> download_all(session& in, std::vector<job> jobs)
{
    exit_status first_failure = success;
    std::size_t next = 0;
    const std::size_t workers = std::min(in.chosen.in_parallel ? in.chosen.parallel : 1, jobs.size());
    in.shown.expect(jobs.size());
    co_await portico::scope([&](portico::task_group& drawing) -> portico::task<> {
        if (in.shown.is_on())
            drawing.spawn(keep_drawing(in.shown));
        co_await portico::scope([&](portico::task_group& working) -> portico::task<> {
            for (std::size_t count = 0; count < workers; ++count)
                working.spawn(work(in, jobs, next, first_failure));
            co_return;
        });
        drawing.cancel();
    });
    co_return first_failure;
}

/// Whether what goes to standard output would be in the way of the display.
bool shows_bodies(const settings& chosen, const std::vector<job>& jobs)
{
    const auto is_shown = [&](const job& each) { return each.output == "-" || chosen.head_only; };
    return ::isatty(STDOUT_FILENO) == 1 && std::ranges::any_of(jobs, is_shown);
}

portico::task<int> run(settings& chosen, display& shown, std::vector<job> jobs)
{
    portico::context& own = co_await portico::this_context();
    try {
        http::client_options options = std::move(chosen.client);
        options.proxies = proxies_of(chosen);
        options.netrc = netrc_of(chosen);
        options.connections = std::max(chosen.parallel, options.connections_per_host);
        options.only = chosen.family;
        options.known_addresses = [&](const portico::address& which) { return known_addresses(chosen, which); };
        options.connect = [&](portico::address to, portico::connect_options how) {
            return reach(chosen, shown, std::move(to), std::move(how));
        };
        if (chosen.verbose)
            options.on_request = [&](const http::request& asked) { shown.print(describe(asked)); };
        http::proxy_settings proxies = proxies_of(chosen);
        http::client with(std::move(options));
        load_cookies(chosen, own, with.cookies());
        session all(chosen, shown, with, std::move(proxies));
        const exit_status status = co_await download_all(all, std::move(jobs));
        shown.finish(own.now());
        save_cookies(all, own);
        co_return status;
    } catch (const portico::error& failure) {
        shown.finish(own.now());
        complain(chosen, shown, failure.what());
        co_return status_of(failure);
    } catch (const portico::cancelled&) {
        shown.finish(own.now());
        throw;
    }
}

} // namespace

} // namespace http_get

int main(int count, char** arguments)
{
    std::signal(SIGPIPE, SIG_IGN);
    http_get::settings chosen;
    if (const auto status = http_get::read_command_line(count, arguments, chosen))
        return *status;
    std::vector<http_get::job> jobs;
    try {
        jobs = http_get::jobs_of(chosen);
    } catch (const portico::error& wrong) {
        fmt::print(stderr, "http_get: {}\n", wrong.what());
        return http_get::wrong_usage;
    }
    if (jobs.empty())
        return http_get::success;
    const bool is_calm = chosen.quiet || chosen.silent || chosen.verbose;
    http_get::display shown(!is_calm && !http_get::shows_bodies(chosen, jobs));
    return portico::run(http_get::run(chosen, shown, std::move(jobs)));
}
