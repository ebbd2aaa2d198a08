/* c_download: the plainest download there is, recv and write with 256 KiB: what http_get is measured beside. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { buffer_size = 256 * 1024 };
static char buffer[buffer_size + 1];

static void require(int is_true, const char* what)
{
    if (!is_true) {
        perror(what);
        exit(1);
    }
}

static void write_all(int file, const char* data, size_t size)
{
    while (size != 0) {
        const ssize_t written = write(file, data, size);
        require(written > 0, "write");
        data += written;
        size -= (size_t)written;
    }
}

int main(int count, char** arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: c_download PORT PATH FILE\n");
        return 2;
    }
    const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1])),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    require(peer >= 0 && connect(peer, (struct sockaddr*)&address, sizeof address) == 0, "connect");
    const int size = snprintf(buffer, buffer_size, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                              arguments[2]);
    write_all(peer, buffer, (size_t)size);

    size_t held = 0;
    const char* body = NULL;
    while (body == NULL) { /* the whole head comes before anything is looked for in it */
        const ssize_t got = recv(peer, buffer + held, buffer_size - held, 0);
        require(got > 0, "the head ends early");
        held += (size_t)got;
        buffer[held] = '\0';
        body = strstr(buffer, "\r\n\r\n");
    }
    body += 4;
    const char* const length = strstr(buffer, "Content-Length: ");
    require(strncmp(buffer, "HTTP/1.1 200 ", 13) == 0 && length != NULL && length < body, "not the answer expected");
    unsigned long long left = strtoull(length + 16, NULL, 10);

    const int file = open(arguments[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    require(file >= 0, "open");
    const size_t first = (size_t)(buffer + held - body);
    write_all(file, body, first);
    left -= first;
    while (left != 0) {
        const ssize_t got = recv(peer, buffer, buffer_size, 0);
        require(got > 0, "the body ends early");
        write_all(file, buffer, (size_t)got);
        left -= (size_t)got;
    }
    require(close(file) == 0, "close");
    return 0;
}
