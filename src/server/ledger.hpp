// ledger: what the contexts of a server share: its numbers, and how many connections each address has.
#pragma once

#include <mutex>
#include <portico/net/endpoint.hpp>
#include <portico/server/statistics.hpp>
#include <unordered_map>

namespace portico::inline v0_1::detail {

class ledger {
public:
    /// How many connections an IPv4 address or an IPv6 network of 64 bits has.
    using place = std::size_t;

    /// `most`: connections of one address, at least 1. `several`: contexts, each in a thread of its own.
    ledger(std::size_t most, bool several)
        : most_(most), several_(several), open_(0, hash{reinterpret_cast<std::uintptr_t>(this)})
    {
        open_.max_load_factor(0.25F); // a bucket that is looked at costs more than one that is empty
    }

    /// Counts one more connection from there, and `taken` is its place; null for Unix sockets, which have no limit.
    /// False where there are as many as there may be.
    bool enter(const endpoint& from, place*& taken);
    /// Leaves a place, and calls `change(server_statistics&)`.
    template <class F>
    void leave(place* taken, const F& change) noexcept
    {
        const guard lock(*this);
        if (taken != nullptr)
            --*taken;
        change(statistics_);
    }
    template <class F>
    void note(const F& change) noexcept
    {
        leave(nullptr, change);
    }
    server_statistics statistics() const noexcept
    {
        const guard lock(*this);
        return statistics_;
    }

private:
    /// Who can choose among addresses must not be able to choose those that share a bucket.
    struct hash {
        std::size_t operator()(std::uint64_t which) const noexcept;
        std::uint64_t seed; // an address, which is another one in each process
    };
    class guard {
    public:
        explicit guard(const ledger& of) noexcept : of_(of)
        {
            if (of.several_)
                of.mutex_.lock();
        }
        guard(const guard&) = delete;
        guard& operator=(const guard&) = delete;
        ~guard()
        {
            if (of_.several_)
                of_.mutex_.unlock();
        }

    private:
        const ledger& of_;
    };

    mutable std::mutex mutex_;
    std::size_t most_;
    bool several_;
    server_statistics statistics_;
    std::unordered_map<std::uint64_t, place, hash> open_; // those left empty stay until there are many
    std::size_t purge_at_ = 1024;
};

} // namespace portico::detail
