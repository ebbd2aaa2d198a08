// What a user's program with HTTP is: a download from a server beside it that cuts it off once, and an HTTP error.
#include <cstdio>
#include <portico/http/download.hpp>
#include <portico/portico.hpp>

using namespace portico;

constexpr std::string_view content = "what was cut off goes on where it was";

task<> serve_file(connection& peer)
{
    bool asked_for_rest = false, is_there = false;
    auto line = co_await peer.read_line();
    while (line && !line->text().empty()) {
        is_there = is_there || line->text().starts_with("GET /file ");
        asked_for_rest = asked_for_rest || line->text() == "Range: bytes=13-";
        line = co_await peer.read_line();
    }
    const std::string size = std::to_string(content.size());
    if (!is_there)
        co_await peer.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    else if (asked_for_rest)
        co_await peer.write("HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 13-"
                            + std::to_string(content.size() - 1) + '/' + size + "\r\n\r\n" + std::string(content.substr(13)));
    else
        co_await peer.write("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: " + size + "\r\n\r\n"
                            + std::string(content.substr(0, 13)));
}

task<> fetch(endpoint where, task_group& others)
{
    http::client with;
    http::download_options how;
    how.if_exists = http::existing::replace;
    how.retry.delay = std::chrono::milliseconds(1);
    const std::string base = "http://" + to_string(where);
    const http::downloaded got = co_await http::download(with, url(base + "/file"), "http_program.txt", how);
    std::printf("%s: %d bytes, %u retry\n", got.path.c_str(), static_cast<int>(got.size), got.retries);
    try {
        co_await http::download(with, url(base + "/nowhere"), "nowhere.txt");
    } catch (const reply_error& failure) {
        std::printf("status %d\n", failure.status());
    }
    others.cancel();
}

task<int> all()
{
    acceptor source = co_await listen(tcp("127.0.0.1", 0));
    const endpoint where = source.local_endpoints().front();
    server files(tcp("127.0.0.1", 0), serve_file);
    co_await scope([&](task_group& group) -> task<> {
        group.spawn(fetch(where, group));
        co_await files.run(std::move(source));
    });
    co_return 0;
}

int main()
{
    context own;
    return own.run(all());
}
