// intrusive_list: order, unlinking from within, and elements that are destroyed while linked.
#include "catch.hpp"

#include <memory>
#include <portico/core/intrusive_list.hpp>
#include <vector>

using namespace portico::detail;

namespace {

struct first_tag;
struct second_tag;

struct element : list_node<first_tag>, list_node<second_tag> {
    explicit element(int number) : value(number) {}
    int value;
};

std::vector<int> values(intrusive_list<element, first_tag>& list)
{
    std::vector<int> found;
    list.for_each([&](element& each) { found.push_back(each.value); });
    return found;
}

} // namespace

TEST_CASE("an intrusive list keeps the order in which elements came, also when another is spliced to its end")
{
    element one(1), two(2), three(3), four(4);
    intrusive_list<element, first_tag> list, other;
    list.splice(other);
    CHECK(list.empty());
    list.push_back(one);
    list.push_back(two);
    other.push_back(three);
    other.push_back(four);
    list.splice(other);
    CHECK(other.empty());
    CHECK(values(list) == std::vector{1, 2, 3, 4});
    CHECK(&list.pop_front() == &one);
    CHECK(values(list) == std::vector{2, 3, 4});
}

TEST_CASE("an element is in several lists at once, leaves one of them alone, and all of them when it is destroyed")
{
    intrusive_list<element, first_tag> list;
    intrusive_list<element, second_tag> other;
    auto one = std::make_unique<element>(1);
    element two(2);
    list.push_back(*one);
    list.push_back(two);
    other.push_back(*one);
    other.push_back(two);
    static_cast<list_node<second_tag>&>(two).unlink();
    static_cast<list_node<second_tag>&>(two).unlink();
    CHECK(&other.front() == one.get());
    one.reset();
    CHECK(other.empty());
    CHECK(values(list) == std::vector{2});
}

TEST_CASE("a visit may unlink the element that it is given, and a list that is destroyed unlinks its elements")
{
    element one(1), two(2), three(3);
    {
        intrusive_list<element, first_tag> list;
        for (element* each : {&one, &two, &three})
            list.push_back(*each);
        list.for_each([](element& each) {
            if (each.value != 2)
                static_cast<list_node<first_tag>&>(each).unlink();
        });
        CHECK(values(list) == std::vector{2});
    }
    CHECK_FALSE(static_cast<list_node<first_tag>&>(two).is_linked());
}
