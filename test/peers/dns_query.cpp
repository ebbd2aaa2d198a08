// dns_query: asks a name server over UDP for the records of a name, and over TCP where they do not fit.
#include "dns_message.hpp"

using namespace portico;

namespace {

task<std::string> ask_over_tcp(endpoint server, bytes query)
{
    connection peer = co_await connect(server);
    const std::string framed = big_endian(query.size(), 2) + std::string(query); // RFC 1035 section 4.2.2
    co_await peer.write(framed);
    const bytes size = co_await peer.read_exactly(2);
    const bytes message = co_await peer.read_exactly(static_cast<std::size_t>(big_endian(size)));
    if (!dns::is_answer(message, query))
        throw dns::fault("it answers another question");
    co_return std::string(message);
}

std::string reason(int code)
{
    constexpr const char* known[] = {"", "FORMERR", "SERVFAIL", "no such name (NXDOMAIN)", "NOTIMP", "REFUSED"};
    return code < std::ssize(known) ? known[code] : "code " + std::to_string(code);
}

task<> look_up(address server, std::string name, unsigned type, duration patience)
{
    context& own = co_await this_context();
    const std::string query = dns::make_query(random_number(own, 2), name, type);
    // Connected: only the server's packets come, and the system says where nobody listens.
    datagram_socket socket = co_await connect_datagram(server);
    const auto is_answer = [&query](bytes message) { return dns::is_answer(message, query); };
    std::string answer = co_await try_twice(patience, [&] { return ask_once(socket, query, is_answer); });
    if (dns::is_truncated(answer))
        answer = co_await ask_over_tcp(socket.remote_endpoint(), query);

    const std::string question = name + ' ' + dns::name_of(type);
    if (const int code = dns::reply_code(answer); code != 0)
        throw reply_error(code, "look up", reason(code), question);
    const std::vector<std::string> lines = dns::answers(answer, query);
    if (lines.empty())
        throw reply_error(0, "look up", "the name has no such records", question);
    for (const std::string& each : lines)
        std::puts(each.c_str());
}

} // namespace

int main(int count, char** arguments)
{
    const char* const usage = "dns_query [-t SECONDS] HOST:PORT NAME TYPE";
    return run_program(count, arguments, usage, 3, [](auto& words, duration limit) {
        const unsigned type = dns::type_of(words[2]);
        dns::make_query(0, words[1], type); // throws where that is no name
        return look_up(address::parse(words[0], address::protocol::udp), words[1], type, limit / 2);
    });
}
