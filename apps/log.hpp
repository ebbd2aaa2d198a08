// log: the lines that welcome_server writes to standard output. They never keep it waiting.
#pragma once

#include <chrono>
#include <portico/server/access_log.hpp>
#include <string>
#include <vector>

/// The program `welcome_server`.
namespace welcome_server {

/// Standard output, as a log: a line is written at once and as a whole, by whichever thread or process, or is lost. One
/// that is full or closed, or that nobody reads, keeps no client waiting.
class log_output {
public:
    log_output();
    void print(std::string line) const;

private:
    int handle_;
    bool is_socket_ = false;
};

/// What there is to say.
struct log_settings {
    std::string format = "text"; ///< `text`, `json` or `none`: nothing of clients
    bool quiet = false;          ///< nothing at all
    bool is_one_of_several = false; ///< processes, whose number is then shown
};

/// Where the server listens, and what became of its clients.
class log {
public:
    explicit log(const log_settings& chosen);

    bool shows_clients() const { return shows_clients_; }
    void on_listening(const std::vector<portico::endpoint>& where) const;
    void on_close(const portico::closed_session& which) const;

private:
    log_output to_;
    portico::log_format format_;
    bool shows_addresses_, shows_clients_, is_one_of_several_;
};

} // namespace welcome_server
