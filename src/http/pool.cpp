// pool: see pool.hpp.
#include "http/pool.hpp"

#include <portico/core/deadline.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

/// Whether a kept connection can be used: one that has something to say was closed, or is out of step.
bool is_quiet(connection& which) noexcept
{
    try {
        return which.buffered() == 0 && !which.try_read_some();
    } catch (const std::exception&) {
        return false;
    }
}

} // namespace

pool::lease::lease(pool& from, place& where, std::optional<connection> kept)
    : stream(std::move(kept)), from_(&from), where_(&where), used_(stream.has_value())
{}

pool::lease& pool::lease::operator=(lease&& other) noexcept
{
    give_back();
    stream = std::move(other.stream);
    other.stream.reset();
    from_ = std::exchange(other.from_, nullptr);
    where_ = other.where_;
    used_ = other.used_;
    return *this;
}

void pool::lease::keep() noexcept
{
    if (from_ != nullptr)
        std::exchange(from_, nullptr)->give_back(*where_, std::exchange(stream, std::nullopt));
}

void pool::lease::give_back() noexcept
{
    stream.reset();
    keep();
}

/// One that waits for a lease; cancelled, it waits no more.
struct pool::waiter {
    waiter(pool& whole, place& part, bool must_be_fresh) : in(whole), where(part), fresh(must_be_fresh)
    {
        position = where.waiting.insert(where.waiting.end(), this);
        ++in.waiting_;
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter()
    {
        if (!given.is_set())
            leave();
    }
    void leave() noexcept
    {
        where.waiting.erase(position);
        --in.waiting_;
    }

    pool& in;
    place& where;
    bool fresh;
    std::list<waiter*>::iterator position;
    lease granted;
    event given;
};

task<pool::lease> pool::acquire(std::string name, bool fresh)
{
    if (places_.size() > 2 * most_)
        std::erase_if(places_, [](const auto& each) { return each.second.size == 0 && each.second.waiting.empty(); });
    place& where = places_[std::move(name)];
    if (where.waiting.empty())
        if (auto taken = try_take(where, fresh))
            co_return std::move(*taken);
    waiter own(*this, where, fresh);
    co_await own.given.wait();
    co_return std::move(own.granted);
}

std::optional<pool::lease> pool::try_take(place& where, bool fresh)
{
    while (!fresh && !where.kept.empty()) {
        idle last = std::move(where.kept.back());
        where.kept.pop_back();
        if (last.stream.owner().now() - last.since < idle_timeout_ && is_quiet(last.stream))
            return lease(*this, where, std::move(last.stream));
        --where.size;
        --size_;
    }
    if (where.size >= most_at_a_place_ && !where.kept.empty()) { // a fresh one in place of the one unused the longest
        where.kept.pop_front();
        --where.size;
        --size_;
    }
    if (where.size >= most_at_a_place_ || (size_ >= most_ && !make_room()))
        return std::nullopt;
    ++where.size;
    ++size_;
    return lease(*this, where, std::nullopt);
}

/// Closes the connection that nobody has used for the longest time; false where all are in use.
bool pool::make_room()
{
    place* oldest = nullptr;
    for (auto& [name, each] : places_)
        if (!each.kept.empty() && (oldest == nullptr || each.kept.front().since < oldest->kept.front().since))
            oldest = &each;
    if (oldest == nullptr)
        return false;
    oldest->kept.pop_front();
    --oldest->size;
    --size_;
    return true;
}

void pool::give_back(place& where, std::optional<connection> stream) noexcept
{
    if (stream && stream->is_open()) {
        const time_point now = stream->owner().now();
        where.kept.push_back({std::move(*stream), now});
    } else {
        --where.size;
        --size_;
    }
    serve_waiting(where);
}

void pool::serve_waiting(place& first) noexcept
{
    while (serve_one(first)) {}
    for (auto each = places_.begin(); waiting_ != 0 && each != places_.end(); ++each)
        while (serve_one(each->second)) {}
}

bool pool::serve_one(place& where) noexcept
{
    if (where.waiting.empty())
        return false;
    waiter& next = *where.waiting.front();
    auto taken = try_take(where, next.fresh);
    if (!taken)
        return false;
    next.granted = std::move(*taken);
    next.leave();
    next.given.set();
    return true;
}

void pool::close_idle() noexcept
{
    for (auto& [name, where] : places_) {
        where.size -= where.kept.size();
        size_ -= where.kept.size();
        for (idle& each : where.kept)
            (void)each.stream.shutdown_write(); // to a peer of TLS a bare close is a stream that was cut
        where.kept.clear();
    }
}

} // namespace portico::http
