// pool: the connections of a client, which are kept between requests, and how many there may be.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <portico/core/event.hpp>
#include <portico/net/connection.hpp>
#include <string>

namespace portico::inline v0_1::http {

/// Connections to places, each of which has a name: an origin, with the way to it. It outlives its leases.
class pool {
    struct place;

public:
    pool(std::size_t most, std::size_t most_at_a_place, duration idle_timeout)
        : most_(most), most_at_a_place_(most_at_a_place), idle_timeout_(idle_timeout)
    {}
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool() { close_idle(); }

    /// The right to one connection, and one that was kept, if there is one.
    class lease {
    public:
        lease() = default;
        lease(lease&& other) noexcept { *this = std::move(other); }
        lease& operator=(lease&& other) noexcept;
        ~lease() { give_back(); }

        /// The connection; none as long as it is to be made.
        std::optional<connection> stream;
        /// Whether it has been used before.
        bool is_used() const noexcept { return used_; }
        /// Gives it back for others to use.
        void keep() noexcept;
        /// Gives the right back, and closes the connection.
        void give_back() noexcept;

    private:
        friend pool;
        lease(pool& from, place& where, std::optional<connection> kept);
        pool* from_ = nullptr;
        place* where_ = nullptr;
        bool used_ = false;
    };

    /// Completes when there may be a connection to this place. A fresh one is not one that was kept.
    task<lease> acquire(std::string name, bool fresh);
    std::size_t size() const noexcept { return size_; } ///< connections, idle ones too, and those that are being made
    void close_idle() noexcept;

private:
    struct idle {
        connection stream;
        time_point since;
    };
    struct waiter;
    struct place {
        std::size_t size = 0;
        std::deque<idle> kept; // the one used last is at the back
        std::list<waiter*> waiting;
    };

    std::optional<lease> try_take(place& where, bool fresh);
    bool make_room();
    void give_back(place& where, std::optional<connection> stream) noexcept;
    void serve_waiting(place& first) noexcept;
    bool serve_one(place& where) noexcept;

    std::size_t most_, most_at_a_place_;
    duration idle_timeout_;
    std::map<std::string, place> places_;
    std::size_t size_ = 0, waiting_ = 0;
};

} // namespace portico::http
