// The benchmark's clients of datagram servers. They ask again if an answer does not come.
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { datagram_size = 1200 /* bytes */, most_datagrams = 54 /* 64 KiB */, loss_timeout = 1000 /* milliseconds */ };

struct client {
    int descriptor;
    size_t sent, received; // questions sent, datagrams received of the answer to the last
};

// In one system call, whatever the server makes of it.
static void ask(const struct client* client, size_t index, const struct question* question)
{
    char data[datagram_size * most_datagrams] = {0};
    size_t before = datagram_size * (question->asked - 1), size = before + question->size;
    compose(data + before, question->size, index, client->sent - 1);
    if (send(client->descriptor, data, size, 0) != (ssize_t)size)
        fail_at("send");
}

static void ask_next(struct client* client, size_t index, const struct question* question)
{
    ++client->sent;
    client->received = 0;
    ask(client, index, question);
}

static int is_message(const char* data, size_t size, size_t index, size_t turn, const struct question* question)
{
    char expected[datagram_size];
    compose(expected, question->size, index, turn);
    return size == question->size && memcmp(data, expected, size) == 0;
}

// Whether the whole answer is there. More than that, or that of the turn before, comes if something was asked again.
static int receive_answer(struct client* client, size_t index, const struct question* question)
{
    static const char zeros[datagram_size];
    char data[datagram_size + 1];
    ssize_t count = recv(client->descriptor, data, sizeof data, 0);
    if (count < 0)
        fail_at("recv");
    size_t size = (size_t)count;
    if (question->due > 1) {
        if (size != datagram_size || memcmp(data, zeros, size) != 0)
            fail("load: the server sent something else");
    } else if (!is_message(data, size, index, client->sent - 1, question)) {
        if (!is_message(data, size, index, client->sent - 2, question))
            fail("load: the server did not echo");
        return 0;
    }
    return ++client->received == question->due;
}

static void ask_again(struct client* clients, size_t sockets, const struct question* question)
{
    for (size_t i = 0; i < sockets; ++i) {
        if (clients[i].received >= question->due)
            continue;
        fprintf(stderr, "load: asked again, as datagrams were lost\n");
        clients[i].received = 0;
        ask(&clients[i], i, question);
    }
}

static struct client* open_clients(uint16_t port, size_t sockets, int epoll)
{
    int segment = datagram_size;
    struct client* clients = calloc(sockets, sizeof *clients);
    if (!clients)
        fail_at("calloc");
    for (size_t i = 0; i < sockets; ++i) {
        clients[i].descriptor = connect_to(SOCK_DGRAM, port, i);
        if (setsockopt(clients[i].descriptor, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0)
            fail_at("setsockopt");
        watch(epoll, clients[i].descriptor, i);
    }
    return clients;
}

void exchange_datagrams(uint16_t port, size_t sockets, size_t turns, const struct question* question)
{
    if (question->asked > most_datagrams || question->size > datagram_size)
        fail("load: a smaller question is wanted");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct client* clients = open_clients(port, sockets, epoll);
    struct epoll_event* events = calloc(sockets, sizeof *events);
    if (!events)
        fail_at("calloc");
    for (size_t i = 0; i < sockets; ++i)
        ask_next(&clients[i], i, question);
    for (size_t done = 0; done < sockets * turns;) {
        int count = epoll_wait(epoll, events, (int)sockets, loss_timeout);
        if (count < 0 && errno != EINTR)
            fail_at("epoll_wait");
        if (count == 0)
            ask_again(clients, sockets, question);
        for (int i = 0; i < count; ++i) {
            size_t index = events[i].data.u64;
            if (!receive_answer(&clients[index], index, question))
                continue;
            ++done;
            if (clients[index].sent < turns)
                ask_next(&clients[index], index, question);
        }
    }
    for (size_t i = 0; i < sockets; ++i)
        close(clients[i].descriptor);
    printf("questions %zu\n", sockets * turns);
    free(events);
    free(clients);
    close(epoll);
}
