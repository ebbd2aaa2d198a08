// timer_wheel, against a model that is too simple to be wrong.
#include "catch.hpp"

#include <map>
#include <memory>
#include <portico/core/timer.hpp>
#include <random>
#include <vector>

using namespace portico;
using namespace std::chrono_literals;

namespace {

struct test_timer final : detail::timer {
    std::function<void()> action;
    void on_expiry() noexcept override { action(); }
};

const time_point start{1h};

// A wheel with many timers, and a multimap that says when each of them has to expire.
class wheel_and_model {
public:
    explicit wheel_and_model(std::size_t timers) : places_(timers, model_.end()), timers_(timers)
    {
        for (std::size_t i = 0; i < timers; ++i)
            timers_[i].action = [this, i] { expired(i); };
    }

    void set(std::size_t which, time_point expiry)
    {
        unset(which);
        wheel_.set(timers_[which], expiry);
        places_[which] = model_.emplace(expiry, which);
    }
    void unset(std::size_t which)
    {
        timers_[which].unset();
        if (places_[which] != model_.end())
            model_.erase(std::exchange(places_[which], model_.end()));
    }
    void advance(duration by)
    {
        now_ += by;
        wheel_.advance(now_);
        const bool nothing_is_late = model_.empty() || model_.begin()->first > now_;
        REQUIRE(nothing_is_late);
        REQUIRE_FALSE(early_);
        check_next();
    }
    void check_next()
    {
        if (model_.empty())
            return;
        REQUIRE(wheel_.next() <= model_.begin()->first);
    }
    bool is_set(std::size_t which) const { return timers_[which].is_set(); }
    bool empty() const { return model_.empty(); }
    time_point now() const { return now_; }
    time_point next() const { return wheel_.next(); }

private:
    void expired(std::size_t which)
    {
        early_ = early_ || places_[which] == model_.end() || places_[which]->first > now_;
        if (places_[which] != model_.end())
            model_.erase(std::exchange(places_[which], model_.end()));
    }

    using model = std::multimap<time_point, std::size_t>;
    time_point now_ = start;
    detail::timer_wheel wheel_{start};
    model model_;
    std::vector<model::iterator> places_;
    std::vector<test_timer> timers_;
    bool early_ = false;
};

duration random_length(std::mt19937_64& random)
{
    // As many short ones as long ones: every level of the wheel has its share.
    const int bits = std::uniform_int_distribution(0, 60)(random);
    return duration(static_cast<duration::rep>(random() >> 3 & ((std::uint64_t{1} << bits) - 1)));
}

} // namespace

TEST_CASE("timers that are set, unset and waited for at random expire when a multimap says so, never early nor late")
{
    const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    wheel_and_model both(200);
    const duration longest = seed % 2 == 0 ? duration(24h) : duration(1s);
    for (int step = 0; step < 20'000; ++step) {
        const std::size_t which = random() % 200;
        switch (random() % 4) {
        case 0: both.unset(which); break;
        case 1: both.advance(random_length(random) % longest); break;
        default: both.set(which, both.now() + random_length(random) - 1ms); break;
        }
        both.check_next();
    }
}

TEST_CASE("an alarm at next() alone expires every timer at its exact instant")
{
    std::mt19937_64 random(7);
    wheel_and_model both(100);
    for (std::size_t i = 0; i < 100; ++i)
        both.set(i, start + random_length(random));
    int alarms = 0;
    for (; !both.empty(); ++alarms)
        both.advance(both.next() - both.now());
    CHECK(alarms < 100 * 10); // each timer moves down a level at most once for each of them
}

TEST_CASE("deadlines that are years away are kept, and steps of years reach them")
{
    wheel_and_model both(60);
    for (std::size_t year = 0; year < 50; ++year)
        both.set(year, start + year * (24h * 365) + 1ns);
    both.set(50, time_point::max());
    SECTION("a year at a time") {
        for (int year = 0; year <= 50; ++year)
            both.advance(24h * 365);
    }
    SECTION("all at once") {
        both.advance(24h * 365 * 60);
    }
    SECTION("from alarm to alarm") {
        while (both.is_set(49))
            both.advance(both.next() - both.now());
    }
    CHECK_FALSE(both.is_set(49));
    CHECK(both.is_set(50));
}

TEST_CASE("thousands of timers in one slot expire at their own instants")
{
    wheel_and_model both(5000);
    for (std::size_t i = 0; i < 5000; ++i)
        both.set(i, start + 10ms + std::chrono::nanoseconds(i * 37 % 5000));
    both.advance(10ms);
    for (int i = 0; i < 50; ++i) {
        both.advance(100ns);
        CHECK(both.is_set(4999) == (4999 * 37 % 5000 > (i + 1) * 100));
    }
    CHECK(both.empty());
}

TEST_CASE("an expiry may unset, set and destroy other timers, of the same slot too")
{
    detail::timer_wheel wheel(start);
    test_timer first, second, third, again;
    auto destroyed = std::make_unique<test_timer>();
    int count = 0;
    first.action = [&] {
        ++count;
        second.unset();
        destroyed.reset();
        wheel.set(again, start + 5ms); // in the past: with the next advance, or this one
    };
    second.action = destroyed->action = [&] { FAIL("unset timers do not expire"); };
    third.action = again.action = [&] { ++count; };
    wheel.set(first, start + 10ms);
    wheel.set(second, start + 10ms);
    wheel.set(*destroyed, start + 10ms);
    wheel.set(third, start + 10ms);
    wheel.advance(start + 10ms);
    wheel.advance(start + 10ms);
    CHECK(count == 3);
    CHECK_FALSE(again.is_set());
}

TEST_CASE("while time stands still, only what is due expires")
{
    detail::timer_wheel wheel(start);
    test_timer due, later;
    int count = 0;
    due.action = [&] { ++count; };
    later.action = [&] { count += 100; };
    wheel.set(later, start + 1ns);
    CHECK(wheel.next() == start + 1ns);
    wheel.advance(start);
    wheel.advance(start);
    wheel.set(due, start);
    CHECK(wheel.next() <= start);
    wheel.advance(start);
    wheel.advance(start - 1h); // a clock that goes back does no harm
    CHECK(count == 1);
    CHECK(later.is_set());
}

TEST_CASE("a wheel without timers has no next instant, and the destructor of a timer unsets it")
{
    detail::timer_wheel wheel(start);
    CHECK(wheel.next() == time_point::max());
    {
        test_timer gone;
        wheel.set(gone, start + 1s);
        CHECK(gone.is_set());
        CHECK(gone.expiry() == start + 1s);
    }
    wheel.advance(start + 2s);
    CHECK(wheel.next() == time_point::max());
}
