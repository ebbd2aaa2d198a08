// The server in plain C that portico is measured against: level-triggered epoll, as few system calls as the job allows,
// and none of a framework's duties (no deadline, no limit, no accounting). Usage: c_server MODE PORT; see `modes`.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { accepts_a_turn = 64, datagrams_a_turn = 64, events_a_turn = 128 };
enum { datagram_size = 1200, datagrams_a_burst = 50, largest_datagram = 65536 }; // as the clients have it

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

static int bind_socket(int type, const char* port)
{
    int bound = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    if (type == SOCK_STREAM)
        setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(bound, (struct sockaddr*)&address, sizeof address) != 0)
        fail("bind");
    return bound;
}

static int listen_on(const char* port)
{
    int listener = bind_socket(SOCK_STREAM, port);
    int on = 1;
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (listen(listener, SOMAXCONN) != 0)
        fail("listen");
    return listener;
}

typedef void begin(int client, const struct sockaddr_in* from);

static void welcome(int client, const struct sockaddr_in* from)
{
    (void)from;
    static const char text[] = "welcome\r\n";
    send(client, text, sizeof text - 1, MSG_NOSIGNAL); // a new socket's buffer takes nine bytes whole
    close(client);
}

static void start_echo(int client, const struct sockaddr_in* from)
{
    (void)from;
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

// A flood of welcome connections comes from 127.0.1.*.
static void welcome_or_echo(int client, const struct sockaddr_in* from)
{
    if ((ntohl(from->sin_addr.s_addr) >> 8 & 0xff) == 1)
        welcome(client, from);
    else
        start_echo(client, from);
}

static void accept_some(int listener, begin* start)
{
    for (int i = 0; i < accepts_a_turn; ++i) {
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        int client = accept4(listener, (struct sockaddr*)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0)
            start(client, &from);
        else if (errno == EAGAIN)
            return;
        else if (errno != ECONNABORTED && errno != EINTR)
            fail("accept4");
    }
}

static int open_datagrams(const char* port, int option, int value)
{
    int opened = bind_socket(SOCK_DGRAM, port);
    if (option != 0 && setsockopt(opened, SOL_UDP, option, &value, sizeof value) != 0)
        fail("setsockopt");
    return opened;
}

// A datagram that cannot be sent now is lost, as it may be anywhere else on its way.
static void send_to(int descriptor, const char* data, size_t size, const struct sockaddr_in* to)
{
    sendto(descriptor, data, size, 0, (const struct sockaddr*)to, sizeof *to);
}

static void send_burst(int descriptor, const char* request, size_t size, const struct sockaddr_in* to)
{
    static const char data[datagram_size];
    (void)request, (void)size;
    for (int i = 0; i < datagrams_a_burst; ++i)
        send_to(descriptor, data, sizeof data, to);
}

static void send_segments(int descriptor, const char* request, size_t size, const struct sockaddr_in* to)
{
    static const char data[datagram_size * datagrams_a_burst];
    (void)request, (void)size;
    send_to(descriptor, data, sizeof data, to);
}

// The last datagram of a burst is shorter, and wants an answer.
static void end_burst(int descriptor, const char* data, size_t size, const struct sockaddr_in* from)
{
    if (size < datagram_size)
        send_to(descriptor, data, size, from);
}

typedef void serve(int descriptor, const char* data, size_t size, const struct sockaddr_in* from);

static void receive_some(int descriptor, serve* each)
{
    static char data[largest_datagram];
    for (int i = 0; i < datagrams_a_turn; ++i) {
        struct sockaddr_in from;
        socklen_t length = sizeof from;
        ssize_t size = recvfrom(descriptor, data, sizeof data, 0, (struct sockaddr*)&from, &length);
        if (size >= 0)
            each(descriptor, data, (size_t)size, &from);
        else if (errno == EAGAIN)
            return;
    }
}

// How large each was of the datagrams that the system has joined, but for the last; `whole` where it has joined none.
static size_t segment_size(struct msghdr* message, size_t whole)
{
    for (struct cmsghdr* one = CMSG_FIRSTHDR(message); one; one = CMSG_NXTHDR(message, one)) {
        int size;
        if (one->cmsg_level != SOL_UDP || one->cmsg_type != UDP_GRO)
            continue;
        memcpy(&size, CMSG_DATA(one), sizeof size);
        return (size_t)size;
    }
    return whole;
}

static void receive_joined(int descriptor, serve* each)
{
    static char data[largest_datagram];
    for (int i = 0; i < datagrams_a_turn; ++i) {
        struct sockaddr_in from;
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
        struct iovec room = {.iov_base = data, .iov_len = sizeof data};
        struct msghdr message = {.msg_name = &from,
                                 .msg_namelen = sizeof from,
                                 .msg_iov = &room,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t count = recvmsg(descriptor, &message, 0);
        if (count < 0 && errno == EAGAIN)
            return;
        size_t size = count < 0 ? 0 : (size_t)count;
        for (size_t at = 0, segment = segment_size(&message, size); at < size; at += segment)
            each(descriptor, data + at, size - at < segment ? size - at : segment, &from);
    }
}

static const struct mode {
    const char* name;
    begin* start; // for each connection; else:
    void (*receive)(int descriptor, serve* each);
    serve* each;       // for each datagram
    int option, value; // of the socket
} modes[] = {
    {.name = "welcome", .start = welcome},
    {.name = "echo", .start = start_echo},
    {.name = "flood", .start = welcome_or_echo},
    {.name = "udp", .receive = receive_some, .each = send_to},
    {.name = "udp-send", .receive = receive_some, .each = send_burst},
    {.name = "udp-send-segments",
     .receive = receive_some,
     .each = send_segments,
     .option = UDP_SEGMENT,
     .value = datagram_size},
    {.name = "udp-receive", .receive = receive_some, .each = end_burst},
    {.name = "udp-receive-joined", .receive = receive_joined, .each = end_burst, .option = UDP_GRO, .value = 1},
};

static const struct mode* find_mode(const char* name)
{
    for (size_t i = 0; i < sizeof modes / sizeof *modes; ++i) {
        if (strcmp(name, modes[i].name) == 0)
            return &modes[i];
    }
    return NULL;
}

int main(int argc, char** argv)
{
    const struct mode* mode = argc == 3 ? find_mode(argv[1]) : NULL;
    if (!mode) {
        fprintf(stderr, "usage: c_server MODE PORT\n");
        return 2;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int source = mode->start ? listen_on(argv[2]) : open_datagrams(argv[2], mode->option, mode->value);
    watch(EPOLL_CTL_ADD, source, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[events_a_turn];
        int count = epoll_wait(epoll, events, events_a_turn, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr)
                echo(events[i].data.ptr);
            else if (mode->start)
                accept_some(source, mode->start);
            else
                mode->receive(source, mode->each);
        }
    }
}
