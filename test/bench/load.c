// The benchmark's clients: they check every byte and do little else, so that the server is what is measured.
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { largest_message = 65536 /* bytes */, source_addresses = 100, patience = 120 /* seconds */ };

struct client {
    int descriptor;
    size_t sent, received; // messages sent, bytes received of the answer to the last
    long long sent_at;
};

_Noreturn void fail(const char* reason)
{
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

_Noreturn void fail_at(const char* operation)
{
    fprintf(stderr, "load: %s: %s\n", operation, strerror(errno));
    exit(1);
}

static long number(const char* text)
{
    char* end;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || value <= 0)
        fail("load: a number is wanted");
    return value;
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static const in_addr_t first_of_flood = INADDR_LOOPBACK + 256; // 127.0.1.1

static int connect_from(int type, in_addr_t first_source, uint16_t port, size_t index)
{
    int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        fail_at("socket");
    int on = 1;
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in source = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(first_source + (uint32_t)(index % source_addresses))};
    if (bind(descriptor, (struct sockaddr*)&source, sizeof source) != 0)
        fail_at("bind");
    struct sockaddr_in server = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(descriptor, (struct sockaddr*)&server, sizeof server) != 0)
        fail_at("connect");
    return descriptor;
}

int connect_to(int type, uint16_t port, size_t index)
{
    return connect_from(type, INADDR_LOOPBACK, port, index);
}

// Resets: only after the server's end of stream was read, so that it costs the server nothing and leaves no TIME_WAIT.
static void reset(int descriptor)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(descriptor);
}

static void open_burst(uint16_t port, int* burst, size_t size, size_t index)
{
    for (size_t i = 0; i < size; ++i)
        burst[i] = connect_to(SOCK_STREAM, port, index + i);
}

static void finish_welcome(int descriptor)
{
    static const char expected[] = "welcome\r\n";
    char text[sizeof expected]; // one byte more than is due: this call returns at the end of the stream only
    ssize_t received = recv(descriptor, text, sizeof text, MSG_WAITALL);
    if (received < 0)
        fail_at("recv");
    if (received != sizeof expected - 1 || memcmp(text, expected, sizeof expected - 1) != 0)
        fail("load: the server did not send its welcome and end");
    reset(descriptor);
}

static void finish_burst(const int* burst, size_t size)
{
    for (size_t i = 0; i < size; ++i)
        finish_welcome(burst[i]);
}

// The server's process is stopped while a burst of connections is opened, so that it finds as long a queue as under
// full load, however the machine schedules the two.
static void welcome(uint16_t port, size_t connections, size_t burst_size, pid_t server)
{
    int* burst = calloc(burst_size, sizeof *burst);
    if (!burst)
        fail_at("calloc");
    for (size_t done = 0; done < connections;) {
        size_t size = connections - done < burst_size ? connections - done : burst_size;
        if (kill(server, SIGSTOP) != 0)
            fail_at("kill");
        open_burst(port, burst, size, done);
        if (kill(server, SIGCONT) != 0)
            fail_at("kill");
        finish_burst(burst, size);
        done += size;
    }
    free(burst);
    printf("connections %zu\n", connections);
}

void compose(char* message, size_t size, size_t index, size_t turn)
{
    unsigned long long word = ((unsigned long long)index << 32 | turn) * 0x9e3779b97f4a7c15ULL + 1;
    size_t at = 0;
    for (; at + sizeof word <= size; at += sizeof word)
        memcpy(message + at, &word, sizeof word);
    memcpy(message + at, &word, size - at);
}

static void send_next(struct client* client, size_t index, size_t size)
{
    char message[largest_message];
    compose(message, size, index, client->sent);
    client->received = 0;
    client->sent_at = now();
    if (send(client->descriptor, message, size, MSG_NOSIGNAL) != (ssize_t)size)
        fail_at("send");
    ++client->sent;
}

// Whether the whole answer to the last message is there.
static int receive(struct client* client, size_t index, size_t size)
{
    char answer[largest_message], expected[largest_message];
    ssize_t count = recv(client->descriptor, answer, size - client->received, 0);
    if (count < 0)
        fail_at("recv");
    if (count == 0)
        fail("load: the server ended the stream");
    compose(expected, size, index, client->sent - 1);
    if (memcmp(answer, expected + client->received, (size_t)count) != 0)
        fail("load: the server did not echo");
    client->received += (size_t)count;
    return client->received == size;
}

static int by_size(const void* left, const void* right)
{
    unsigned a = *(const unsigned*)left, b = *(const unsigned*)right;
    return (a > b) - (a < b);
}

static void print_latency(unsigned* latencies, size_t count)
{
    qsort(latencies, count, sizeof *latencies, by_size);
    printf("p50_ns %u\np99_ns %u\n", latencies[count / 2], latencies[count - 1 - count / 100]);
}

void watch(int epoll, int descriptor, size_t index)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        fail_at("epoll_ctl");
}

static void begin_welcome(struct client* client, int epoll, uint16_t port, size_t index, size_t source)
{
    client->sent_at = now();
    client->descriptor = connect_from(SOCK_STREAM, first_of_flood, port, source);
    watch(epoll, client->descriptor, index);
}

// One message is in flight on every connection. The server's end is awaited, so that its work is done when this is.
static void echo(uint16_t port, size_t connections, size_t messages, size_t size)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct client* clients = calloc(connections, sizeof *clients);
    struct epoll_event* events = calloc(connections, sizeof *events);
    unsigned* latencies = calloc(connections * messages, sizeof *latencies);
    if (!clients || !events || !latencies)
        fail_at("calloc");
    for (size_t i = 0; i < connections; ++i) {
        clients[i].descriptor = connect_to(SOCK_STREAM, port, i);
        watch(epoll, clients[i].descriptor, i);
    }
    for (size_t i = 0; i < connections; ++i)
        send_next(&clients[i], i, size);
    for (size_t done = 0; done < connections * messages;) {
        int count = epoll_wait(epoll, events, (int)connections, -1);
        if (count < 0 && errno != EINTR)
            fail_at("epoll_wait");
        for (int i = 0; i < count; ++i) {
            size_t index = events[i].data.u64;
            struct client* client = &clients[index];
            if (!receive(client, index, size))
                continue;
            latencies[done++] = (unsigned)(now() - client->sent_at);
            if (client->sent < messages)
                send_next(client, index, size);
        }
    }
    for (size_t i = 0; i < connections; ++i)
        shutdown(clients[i].descriptor, SHUT_WR);
    for (size_t i = 0; i < connections; ++i) {
        char byte;
        if (recv(clients[i].descriptor, &byte, 1, 0) != 0)
            fail("load: the server did not end the stream");
        close(clients[i].descriptor);
    }
    printf("messages %zu\n", connections * messages);
    print_latency(latencies, connections * messages);
    free(latencies);
    free(events);
    free(clients);
    close(epoll);
}

static struct latencies {
    unsigned* each; // nanoseconds
    size_t count, room;
} seen;

static void note_latency(long long since)
{
    if (seen.count == seen.room) {
        seen.room = seen.room ? 2 * seen.room : 1 << 16;
        seen.each = realloc(seen.each, seen.room * sizeof *seen.each);
        if (!seen.each)
            fail_at("realloc");
    }
    seen.each[seen.count++] = (unsigned)(now() - since);
}

// For so many seconds there are always so many welcome connections under way, from where a server knows them for such.
static void flood(uint16_t port, size_t at_a_time, long seconds)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct client* clients = calloc(at_a_time, sizeof *clients);
    struct epoll_event* events = calloc(at_a_time, sizeof *events);
    if (!clients || !events)
        fail_at("calloc");
    const long long end = now() + seconds * 1000000000LL;
    size_t begun = 0, under_way = 0;
    for (; under_way < at_a_time; ++under_way, ++begun)
        begin_welcome(&clients[under_way], epoll, port, under_way, begun);
    while (under_way > 0) {
        int count = epoll_wait(epoll, events, (int)at_a_time, -1);
        if (count < 0 && errno != EINTR)
            fail_at("epoll_wait");
        for (int i = 0; i < count; ++i) {
            size_t index = events[i].data.u64;
            finish_welcome(clients[index].descriptor);
            note_latency(clients[index].sent_at);
            if (now() < end)
                begin_welcome(&clients[index], epoll, port, index, begun++);
            else
                --under_way;
        }
    }
    printf("connections %zu\n", seen.count);
    print_latency(seen.each, seen.count);
}

// One message after the other on one connection, for so many seconds.
static void ping(uint16_t port, long seconds)
{
    struct client client = {.descriptor = connect_to(SOCK_STREAM, port, 0)};
    for (const long long end = now() + seconds * 1000000000LL; now() < end;) {
        send_next(&client, 0, 64);
        while (!receive(&client, 0, 64)) {
        }
        note_latency(client.sent_at);
    }
    printf("messages %zu\n", seen.count);
    print_latency(seen.each, seen.count);
}

// Every connection has one message echoed, then nothing happens on it until standard input ends.
static void idle(uint16_t port, size_t connections)
{
    struct client* clients = calloc(connections, sizeof *clients);
    if (!clients)
        fail_at("calloc");
    for (size_t i = 0; i < connections; ++i) {
        clients[i].descriptor = connect_to(SOCK_STREAM, port, i);
        send_next(&clients[i], i, 64);
        while (!receive(&clients[i], i, 64)) {
        }
    }
    printf("idle %zu\n", connections);
    fflush(stdout);
    alarm(0);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    for (size_t i = 0; i < connections; ++i)
        close(clients[i].descriptor);
    free(clients);
}

int main(int argc, char** argv)
{
    alarm(patience); // ends this process if the server does not answer
    const char* mode = argc > 1 ? argv[1] : "";
    uint16_t port = argc > 2 ? (uint16_t)number(argv[2]) : 0;
    if (argc == 6 && strcmp(mode, "welcome") == 0) {
        welcome(port, (size_t)number(argv[3]), (size_t)number(argv[4]), (pid_t)number(argv[5]));
    } else if (argc == 6 && strcmp(mode, "echo") == 0 && number(argv[5]) <= largest_message) {
        echo(port, (size_t)number(argv[3]), (size_t)number(argv[4]), (size_t)number(argv[5]));
    } else if (argc == 8 && strcmp(mode, "udp") == 0) {
        struct question question = {
            .asked = (size_t)number(argv[5]), .due = (size_t)number(argv[6]), .size = (size_t)number(argv[7])};
        exchange_datagrams(port, (size_t)number(argv[3]), (size_t)number(argv[4]), &question);
    } else if (argc == 4 && strcmp(mode, "idle") == 0) {
        idle(port, (size_t)number(argv[3]));
    } else if (argc == 5 && strcmp(mode, "flood") == 0) {
        flood(port, (size_t)number(argv[3]), number(argv[4]));
    } else if (argc == 4 && strcmp(mode, "ping") == 0) {
        ping(port, number(argv[3]));
    } else {
        fail("usage: load welcome PORT CONNECTIONS BURST PROCESS\n"
             "       load echo PORT CONNECTIONS MESSAGES SIZE\n"
             "       load udp PORT SOCKETS TURNS ASKED DUE SIZE\n"
             "       load idle PORT CONNECTIONS\n"
             "       load flood PORT CONNECTIONS SECONDS\n"
             "       load ping PORT SECONDS");
    }
}
