// The server in plain C that portico is measured against: level-triggered epoll, as few system calls as the job allows,
// and none of a framework's duties (no deadline, no limit, no accounting). Usage: c_server welcome|echo PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { accepts_a_turn = 64, events_a_turn = 128 };

struct connection {
    int descriptor;
    size_t unsent; // what a full socket did not take; nothing is read until it is gone
    char* rest;
};

static int epoll;

static _Noreturn void fail(const char* operation)
{
    perror(operation);
    exit(1);
}

static void watch(int operation, int descriptor, uint32_t events, void* owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (epoll_ctl(epoll, operation, descriptor, &event) != 0)
        fail("epoll_ctl");
}

static int listen_on(const char* port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0)
        fail("bind");
    if (listen(listener, SOMAXCONN) != 0)
        fail("listen");
    return listener;
}

static void welcome(int client)
{
    static const char text[] = "welcome\r\n";
    send(client, text, sizeof text - 1, MSG_NOSIGNAL); // a new socket's buffer takes nine bytes whole
    close(client);
}

static void start_echo(int client)
{
    struct connection* peer = calloc(1, sizeof *peer);
    if (!peer)
        fail("calloc");
    peer->descriptor = client;
    watch(EPOLL_CTL_ADD, client, EPOLLIN, peer);
}

static void end_echo(struct connection* peer)
{
    close(peer->descriptor);
    free(peer->rest);
    free(peer);
}

static void keep_rest(struct connection* peer, const char* rest, size_t size)
{
    peer->rest = malloc(size);
    if (!peer->rest)
        fail("malloc");
    memcpy(peer->rest, rest, size);
    peer->unsent = size;
    watch(EPOLL_CTL_MOD, peer->descriptor, EPOLLOUT, peer);
}

static void send_rest(struct connection* peer)
{
    ssize_t sent = send(peer->descriptor, peer->rest, peer->unsent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            end_echo(peer);
        return;
    }
    peer->unsent -= (size_t)sent;
    memmove(peer->rest, peer->rest + sent, peer->unsent);
    if (peer->unsent > 0)
        return;
    free(peer->rest);
    peer->rest = NULL;
    watch(EPOLL_CTL_MOD, peer->descriptor, EPOLLIN, peer);
}

static void echo(struct connection* peer)
{
    static char data[4096];
    if (peer->unsent > 0) {
        send_rest(peer);
        return;
    }
    ssize_t size = recv(peer->descriptor, data, sizeof data, 0);
    if (size <= 0) {
        if (size == 0 || errno != EAGAIN)
            end_echo(peer);
        return;
    }
    ssize_t sent = send(peer->descriptor, data, (size_t)size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        end_echo(peer);
    else if (sent < size)
        keep_rest(peer, data + (sent < 0 ? 0 : sent), (size_t)(size - (sent < 0 ? 0 : sent)));
}

static void accept_some(int listener, void (*start)(int client))
{
    for (int i = 0; i < accepts_a_turn; ++i) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0)
            start(client);
        else if (errno == EAGAIN)
            return;
        else if (errno != ECONNABORTED && errno != EINTR)
            fail("accept4");
    }
}

int main(int argc, char** argv)
{
    int echoes = argc == 3 && strcmp(argv[1], "echo") == 0;
    if (argc != 3 || (!echoes && strcmp(argv[1], "welcome") != 0)) {
        fprintf(stderr, "usage: c_server welcome|echo PORT\n");
        return 2;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(argv[2]);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[events_a_turn];
        int count = epoll_wait(epoll, events, events_a_turn, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr)
                echo(events[i].data.ptr);
            else
                accept_some(listener, echoes ? start_echo : welcome);
        }
    }
}
