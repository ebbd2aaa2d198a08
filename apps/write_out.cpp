// write_out: see write_out.hpp.
#include "write_out.hpp"

#include <fmt/format.h>
#include <portico/wire/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace http_get {

namespace {

/// A variable: its text, and whether that is one in JSON, too.
struct variable {
    std::string_view name;
    std::string value;
    bool is_text;
};

std::vector<variable> variables_of(const download_facts& of)
{
    const double speed = of.time_total > 0 ? static_cast<double>(of.size_download) / of.time_total : 0;
    const auto time = [](double seconds) { return fmt::format("{:.6f}", seconds); };
    const std::string code = fmt::format("{:03}", of.response_code);
    const bool is_encrypted = of.scheme == "https";
    return {
        {"content_type", of.content_type, true},
        {"errormsg", of.errormsg, true},
        {"exitcode", std::to_string(of.exitcode), false},
        {"filename_effective", of.filename_effective, true},
        {"http_code", code, false},
        {"local_ip", of.local_ip, true},
        {"local_port", std::to_string(of.local_port), false},
        {"num_connects", std::to_string(of.num_connects), false},
        {"num_redirects", std::to_string(of.num_redirects), false},
        {"num_retries", std::to_string(of.num_retries), false},
        {"remote_ip", of.remote_ip, true},
        {"remote_port", std::to_string(of.remote_port), false},
        {"response_code", code, false},
        {"scheme", of.scheme, true},
        {"size_download", std::to_string(of.size_download), false},
        {"speed_download", fmt::format("{:.0f}", speed), false},
        {"time_appconnect", time(is_encrypted ? of.time_appconnect : 0), false},
        {"time_connect", time(of.time_connect), false},
        {"time_starttransfer", time(of.time_starttransfer), false},
        {"time_total", time(of.time_total), false},
        {"url", of.url, true},
        {"url_effective", of.url_effective, true},
        {"urlnum", std::to_string(of.urlnum), false},
    };
}

std::string to_json(const download_facts& facts)
{
    std::string members;
    for (const auto& [name, value, is_text] : variables_of(facts)) {
        const bool is_code = name == "http_code" || name == "response_code"; // no number begins with 0
        const std::string shown = is_text ? portico::text::json_string(value)
                                : is_code ? std::to_string(facts.response_code)
                                          : value;
        members += fmt::format("{}\"{}\":{}", members.empty() ? "" : ",", name, shown);
    }
    return '{' + members + '}';
}

std::string value_of(std::string_view name, const download_facts& facts)
{
    if (name == "json")
        return to_json(facts);
    for (const variable& each : variables_of(facts))
        if (each.name == name)
            return each.value;
    return "";
}

char escaped(char letter)
{
    return letter == 'n' ? '\n' : letter == 'r' ? '\r' : letter == 't' ? '\t' : letter;
}

} // namespace

written_out write_out(const std::string& format, const download_facts& facts)
{
    written_out made;
    std::string* to = &made.output;
    for (std::size_t at = 0; at < format.size(); ++at) {
        const std::string_view left = std::string_view(format).substr(at);
        if (left[0] == '\\' && left.size() > 1) {
            ++at;
            *to += std::string_view("nrt\\").find(left[1]) == std::string_view::npos ? std::string(left.substr(0, 2))
                                                                                     : std::string(1, escaped(left[1]));
        } else if (left.starts_with("%%")) {
            ++at;
            *to += '%';
        } else if (left.starts_with("%{") && left.find('}') != left.npos) {
            const std::string_view name = left.substr(2, left.find('}') - 2);
            at += name.size() + 2;
            if (name == "onerror" && facts.exitcode == 0)
                break;
            if (name == "stdout" || name == "stderr")
                to = name == "stdout" ? &made.output : &made.error;
            else
                *to += value_of(name, facts);
        } else {
            *to += left[0];
        }
    }
    return made;
}

} // namespace http_get
