// What the clients of stream servers (load.c) and of datagram servers (load_datagrams.c) have in common.
#pragma once

#include <stddef.h>
#include <stdint.h>

_Noreturn void fail(const char* reason);
_Noreturn void fail_at(const char* operation);

// Every client has its own of many source addresses, so that the ports of one are never used up.
int connect_to(int type, uint16_t port, size_t index);

// Has `epoll` tell of what can be read, with `index`.
void watch(int epoll, int descriptor, size_t index);

// Makes a message that no other client and no other turn sends.
void compose(char* message, size_t size, size_t index, size_t turn);

// As many datagrams as are `asked`: all are zeros, of 1,200 bytes, but the last, which is a message. The answer is that
// message, or as many datagrams of zeros as are `due`, if that is more than one.
struct question {
    size_t asked, due, size;
};

// Has one question open at each socket until each has had its turns. What is lost is asked again.
void exchange_datagrams(uint16_t port, size_t sockets, size_t turns, const struct question* question);
