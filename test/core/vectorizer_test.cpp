// GCC 12.2's SLP vectorizer: what it got wrong in coroutines, compiled with it (see docs/gcc12.md).
#include "catch.hpp"
#include "support/run_in_memory.hpp"

#include <portico/portico.hpp>
#include <vector>

using namespace portico;

namespace {

// As large as a connection, and with a move that the compiler does not see through.
class large {
public:
    explicit large(std::size_t number) : number_(number) {}
    large(large&& other) : number_(other.number_) { other.number_ = 0; }
    ~large() { number_ = 0; }
    std::size_t number() const { return number_; }

private:
    std::size_t number_;
    [[maybe_unused]] std::size_t ballast_[16] = {};
};

task<std::vector<connection>> open_several(context& own, memory_backend& outside, std::size_t count)
{
    std::vector<connection> made;
    while (made.size() < count) {
        co_await yield();
        made.push_back(connection(own, outside.make_link().first));
    }
    co_return made;
}

task<std::vector<large>> count_up(std::size_t count)
{
    std::vector<large> made;
    while (made.size() < count) {
        co_await yield();
        made.push_back(large(made.size() + 1));
    }
    co_return made;
}

} // namespace

TEST_CASE("a vector that a loop has built in a task arrives whole where the task is awaited")
{
    test::run_in_memory([](context& own, memory_backend& outside) -> task<> {
        const std::vector<connection> connections = co_await open_several(own, outside, 3);
        REQUIRE(connections.size() == 3);
        for (const connection& each : connections)
            CHECK(each.is_open());
        const std::vector<large> numbers = co_await count_up(5);
        REQUIRE(numbers.size() == 5);
        for (std::size_t i = 0; i < 5; ++i)
            CHECK(numbers[i].number() == i + 1);
    });
}
