// connect_probe: connects as it is told and prints what became of it, for tests that build a network around it.
//
//     connect_probe ADDRESS [timeout=MS] [source=IP] [proxy=ADDRESS] [user=NAME] [password=TEXT] [say=LINE]
//
// One line to standard output: "connected ENDPOINT MILLISECONDS", or "failed REASON PHASE MILLISECONDS TEXT". With
// `say`, a second one: the line that the peer sends back.
#include <cstdio>
#include <portico/portico.hpp>
#include <string>
#include <string_view>

using namespace portico;

namespace {

struct request {
    request(address where) : to(std::move(where)) {}
    address to;
    connect_options options;
    std::string say;
};

request parse(int count, char* arguments[])
{
    if (count < 2)
        throw misuse("ADDRESS is missing");
    request made(address::parse(arguments[1]));
    std::string proxy, user, password;
    for (int i = 2; i < count; ++i) {
        const std::string_view argument = arguments[i];
        const std::size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const std::string value(argument.substr(equals == argument.npos ? argument.size() : equals + 1));
        if (name == "timeout")
            made.options.timeout = std::chrono::milliseconds(std::stoi(value));
        else if (name == "source")
            made.options.source = parse_ip(value).value();
        else if (name == "proxy")
            proxy = value;
        else if (name == "user")
            user = value;
        else if (name == "password")
            password = value;
        else if (name == "say")
            made.say = value;
        else
            throw misuse("no such argument: " + std::string(argument));
    }
    if (!proxy.empty())
        made.options.socks5.emplace(address::parse(proxy), user, password);
    return made;
}

/// "timed_out", or the category and the number.
std::string reason_of(const error& failure)
{
    if (failure.code() == errc::timed_out)
        return "timed_out";
    return std::string(failure.code().category().name()) + ":" + std::to_string(failure.code().value());
}

task<> converse(connection& peer, const std::string& line)
{
    co_await peer.write(line + "\n");
    const auto answer = co_await peer.read_line();
    std::printf("%s\n", answer ? std::string(answer->text()).c_str() : "-");
}

task<bool> connect_and_tell(const request& asked)
{
    context& own = co_await this_context();
    const time_point begin = own.now();
    auto made = co_await as_result(connect(asked.to, asked.options));
    const auto elapsed = static_cast<long long>((own.now() - begin) / std::chrono::milliseconds(1));
    if (!made) {
        const error& failure = made.error();
        const std::string during(to_string(failure.phase()));
        std::printf("failed %s %s %lld %s\n", reason_of(failure).c_str(), during.c_str(), elapsed, failure.what());
        co_return false;
    }
    std::printf("connected %s %lld\n", to_string((*made).remote_endpoint()).c_str(), elapsed);
    if (!asked.say.empty())
        co_await converse(*made, asked.say);
    co_return true;
}

} // namespace

int main(int count, char* arguments[])
{
    try {
        const request asked = parse(count, arguments);
        context own;
        return own.run(connect_and_tell(asked)) ? 0 : 1;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "connect_probe: %s\n", failure.what());
        return 2;
    }
}
