/* spend: runs a program, and prints what it took: CPU microseconds of user and system, and its peak memory in KiB. A
   program of its own, because a process that is large counts as the peak of what it starts. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long microseconds(struct timeval time)
{
    return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int count, char** arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: spend PROGRAM [ARGUMENT]...\n");
        return 2;
    }
    const pid_t child = fork();
    if (child == 0) {
        execvp(arguments[1], arguments + 1);
        perror(arguments[1]);
        _exit(127);
    }
    int status = 0;
    struct rusage used;
    if (child < 0 || wait4(child, &status, 0, &used) != child) {
        perror("spend");
        return 1;
    }
    printf("%lld %ld\n", microseconds(used.ru_utime) + microseconds(used.ru_stime), used.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
