// The program that runs the examples of docs/python-sockets.md. Standard input is a Unix socket to
// python_sockets_test.py, which says which example to run and where, and does Python's part.
#include "fixture.hpp"

#include <algorithm>
#include <map>

namespace python_sockets {

namespace {

constexpr auto patience = 20s;

struct question {
    event answered;
    std::string answer;
};

connection* control;
std::vector<std::string> shown, failures;
std::map<std::string, question*> questions;

std::string to_hex(std::string_view text)
{
    std::string hex;
    for (const char each : text) {
        hex += "0123456789abcdef"[static_cast<unsigned char>(each) >> 4];
        hex += "0123456789abcdef"[each & 15];
    }
    return hex;
}

std::string from_hex(std::string_view hex)
{
    std::string text;
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
        text += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
    return text;
}

std::vector<std::string> words_of(std::string_view line)
{
    std::vector<std::string> words;
    for (;;) {
        const std::size_t end = line.find('\t');
        words.emplace_back(line.substr(0, end));
        if (end == line.npos)
            return words;
        line.remove_prefix(end + 1);
    }
}

task<> tell(std::string line)
{
    line += '\n';
    co_await control->write(line);
}

template <class Server>
task<std::string> ask_running(Server& which, std::string text)
{
    event listening;
    endpoint where;
    std::string answer;
    which.on_listening([&](const std::vector<endpoint>& at) {
        where = at.front();
        listening.set();
    });
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(which.run());
        co_await listening.wait();
        answer = co_await python_asks(where, text);
        group.cancel();
    });
    co_return answer;
}

/// `run`, the name of an example, who connects, where, and where nobody is.
task<> run_example(context& own, std::vector<std::string> words)
{
    shown.clear();
    failures.clear();
    own.on_report([](const report& what) { failures.push_back(what.text); });
    const auto is_named = [&](const example& each) { return each.name == words[1]; };
    const auto found = std::find_if(examples.begin(), examples.end(), is_named);
    if (found == examples.end())
        throw misuse("no example " + words[1]);
    const auto kind = words[2] == "datagram" ? address::protocol::udp : address::protocol::tcp;
    const setting at(own, address::parse(words[4], kind), address::parse(words[5], kind), words[3] == "accept");
    try {
        co_await with_deadline(patience, found->run(at));
    } catch (const std::exception& failure) {
        failures.emplace_back(failure.what());
    }
    for (const std::string& each : shown)
        co_await tell("shown\t" + to_hex(each));
    for (const std::string& each : failures)
        co_await tell("failed\t" + to_hex(each));
    co_await tell("ended");
}

task<> obey(context& own)
{
    connection to_test = adopt_connection(own, STDIN_FILENO);
    control = &to_test;
    co_await scope([&](task_group& group) -> task<> {
        for (;;) {
            const auto line = co_await to_test.read_line(1 << 20);
            if (!line)
                break;
            std::vector<std::string> words = words_of(line->text());
            if (words[0] == "answer") {
                question& asked = *questions.at(words[1]);
                asked.answer = from_hex(words[2]);
                asked.answered.set();
            } else {
                group.spawn(run_example(own, std::move(words)));
            }
        }
    });
}

} // namespace

void check(bool condition, std::source_location where)
{
    if (condition)
        return;
    failures.push_back(where.file_name() + (":" + std::to_string(where.line())) + ": the check does not hold");
    throw misuse(failures.back());
}

void show(std::string_view text)
{
    shown.emplace_back(text);
}

task<> python_connects(endpoint where)
{
    co_await tell("connect\t" + to_string(where));
}

task<std::string> python_asks(endpoint where, std::string text)
{
    static int count = 0;
    const std::string id = std::to_string(++count);
    question asked;
    questions[id] = &asked;
    co_await tell("ask\t" + id + '\t' + to_string(where) + '\t' + to_hex(text));
    co_await asked.answered.wait();
    questions.erase(id);
    co_return asked.answer;
}

task<std::string> python_asks(server& which, std::string text)
{
    return ask_running(which, std::move(text));
}

task<std::string> python_asks(datagram_server& which, std::string text)
{
    return ask_running(which, std::move(text));
}

task<> run(const setting& at, task<> (*body)(context&, const address&, const address&))
{
    return body(at.own, at.where, at.nobody);
}

task<> run(const setting& at, task<> (*body)(context&, const address&))
{
    return body(at.own, at.where);
}

task<> run(const setting& at, task<> (*body)(context&, connection&))
{
    if (at.python_connects) {
        acceptor listener = co_await listen(at.where);
        co_await python_connects(listener.local_endpoints().front());
        connection peer = co_await listener.accept();
        co_await body(at.own, peer);
        co_await peer.finish();
    } else {
        connection peer = co_await connect(at.where);
        co_await body(at.own, peer);
        co_await peer.finish();
    }
}

task<> run(const setting& at, task<> (*body)(context&, datagram_socket&, const endpoint&))
{
    if (at.python_connects) {
        datagram_socket near = co_await open_datagram(at.where);
        co_await python_connects(near.local_endpoint());
        const datagram first = co_await near.receive_from();
        check(first.data == "hello");
        const endpoint far = first.from;
        co_await body(at.own, near, far);
    } else {
        const auto found = co_await resolve(at.where);
        const endpoint far = found.front();
        address anywhere = far.is_ip() ? udp(at.where.host(), 0) : local("");
        datagram_socket near = co_await open_datagram(std::move(anywhere));
        co_await body(at.own, near, far);
    }
}

task<> run(const setting& at, task<> (*body)(context&))
{
    return body(at.own);
}

} // namespace python_sockets

int main()
{
    portico::context own;
    own.run(python_sockets::obey(own));
}
