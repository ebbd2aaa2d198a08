// process: a forked child that runs a part of a test for itself: signals, limits and standard error are a process's.
#pragma once

#include "catch.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// Runs `body`, an int(), in a child process, whose exit status it returns. Ended with this object.
class child_process {
public:
    template <class Body>
    explicit child_process(const Body& body)
    {
        int output[2], errors[2];
        REQUIRE(::pipe(output) == 0);
        REQUIRE(::pipe(errors) == 0);
        std::fflush(nullptr); // what is buffered is not the child's to write
        id_ = ::fork();
        REQUIRE(id_ >= 0);
        if (id_ == 0) {
            ::dup2(output[1], STDOUT_FILENO);
            ::dup2(errors[1], STDERR_FILENO);
            for (const int each : {output[0], output[1], errors[0], errors[1]})
                ::close(each);
            ::_exit(guarded(body));
        }
        ::close(output[1]);
        ::close(errors[1]);
        output_ = output[0];
        errors_ = errors[0];
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process()
    {
        if (id_ > 0) {
            ::kill(id_, SIGKILL);
            (void)wait();
        }
        ::close(output_);
        ::close(errors_);
    }

    pid_t id() const noexcept { return id_; }
    void send_signal(int number) const { REQUIRE(::kill(id_, number) == 0); }
    /// The next line of its standard output, without the line end.
    std::string read_line() const { return read_line(output_); }
    /// The same of its standard error.
    std::string read_error_line() const { return read_line(errors_); }
    /// What else it has written to standard error, once it has ended.
    std::string errors() const
    {
        std::string text;
        char next;
        while (::read(errors_, &next, 1) == 1)
            text += next;
        return text;
    }
    /// Waits until it ends: its status as waitpid has it.
    int wait()
    {
        int status = 0;
        ::waitpid(id_, &status, 0);
        id_ = -1;
        return status;
    }
    /// Waits until it ends: its exit status, or 1000 and the number of the signal that ended it.
    int exit_status()
    {
        const int status = wait();
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

private:
    static std::string read_line(int from)
    {
        std::string line;
        char next;
        while (::read(from, &next, 1) == 1 && next != '\n')
            line += next;
        return line;
    }
    template <class Body>
    static int guarded(const Body& body) noexcept
    {
        return body(); // an exception ends the child here, not in the parent's test
    }
    pid_t id_ = -1;
    int output_ = -1, errors_ = -1;
};

/// What a child says to the test: a line on its standard output.
inline void say(const std::string& line)
{
    const std::string text = line + "\n";
    if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        std::terminate();
}

} // namespace test
