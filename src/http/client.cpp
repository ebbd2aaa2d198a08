// The HTTP client: see client.hpp.
#include <portico/http/client.hpp>

#include <portico/version.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

using event = response_parser::event;

// Gives `into` all that the input tells; true when the response is complete.
bool deliver(response_parser& parser, bytes& input, receiver& into)
{
    for (;;)
        switch (parser.next(input)) {
        case event::need_more: return false;
        case event::interim: into.on_interim(parser.head()); break;
        case event::head: into.on_head(parser.head()); break;
        case event::data: into.on_data(parser.data()); break;
        case event::end: into.on_end(parser.trailers()); return true;
        }
}

task<> get_once(connection& peer, const request& what, const receiver_maker& into)
{
    const std::unique_ptr<receiver> receiving = into(peer.owner());
    co_await exchange(peer, what, *receiving);
    (void)peer.shutdown_write(); // to a peer of TLS a bare close is a stream that was cut
    peer.close();
}

} // namespace

task<reuse> exchange(connection& peer, const request& what, receiver& into, limits most)
{
    const std::string head = what.serialise();
    co_await peer.write(head);
    response_parser parser(what.method(), most);
    for (;;) {
        bytes input = co_await peer.read_some();
        if (input.empty())
            parser.finish();
        if (deliver(parser, input, into))
            co_return parser.reusable() && input.empty() ? reuse::yes : reuse::no;
    }
}

handler get(const url& what, receiver_maker into)
{
    request asking("GET", what);
    asking.fields().add("User-Agent", std::string("portico/") + version);
    asking.fields().add("Accept", "*/*");
    asking.fields().add("Connection", "close");
    return [asking = std::move(asking), into = std::move(into)](connection& peer) { return get_once(peer, asking, into); };
}

std::string file_name(const url& of)
{
    const std::string& path = of.path();
    std::string name = percent_decode(path.substr(path.rfind('/') + 1));
    for (char& each : name)
        if (each == '/' || each == '\\' || text::is_control(each))
            each = '_';
    if (name.empty())
        return "index.html";
    return name.find_first_not_of('.') == name.npos ? std::string(name.size(), '_') : name;
}

} // namespace portico::http
