// Header fields.
#include "catch.hpp"

#include <portico/wire/fields.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace portico;

namespace {

std::string listed(const fields& list)
{
    std::string text;
    for (const auto& field : list)
        text += field.name + '=' + field.value + ';';
    return text;
}

using views = std::vector<std::string_view>;

} // namespace

TEST_CASE("fields keep their order, and are found without case")
{
    fields list;
    CHECK(list.empty());
    list.add("Via", "a");
    list.add("Host", "b");
    list.add("VIA", "c");
    CHECK(list.size() == 3);
    CHECK(list.find("via") == "a");
    CHECK(list.contains("HOST"));
    CHECK_FALSE(list.find("Vi"));
    CHECK(list.all("vIa") == views{"a", "c"});
    CHECK(list.all("Date").empty());
    CHECK(listed(list) == "Via=a;Host=b;VIA=c;");
    list.back().value += "d";
    CHECK(list.all("via").back() == "cd");
    list.clear();
    CHECK(list.empty());
}

TEST_CASE("set replaces all fields of a name in the place of the first, remove takes all of them")
{
    fields list;
    list.set("A", "1");
    list.add("B", "2");
    list.add("a", "3");
    list.set("a", "4");
    CHECK(listed(list) == "a=4;B=2;");
    CHECK(list.remove("b") == 1);
    CHECK(list.remove("b") == 0);
    CHECK(listed(list) == "a=4;");
}

TEST_CASE("the elements of lists are found over all fields of a name, blanks and empty ones apart")
{
    fields list;
    list.add("Connection", " keep-alive ,, Foo\t,");
    list.add("connection", "");
    list.add("Connection", "\"a, b\\\", c\",d, \"open, x");
    CHECK(list.elements("connection") == views{"keep-alive", "Foo", "\"a, b\\\", c\"", "d", "\"open, x"});
    CHECK(list.contains_token("Connection", "foo"));
    CHECK(list.contains_token("Connection", "D"));
    CHECK_FALSE(list.contains_token("Connection", "b"));
    CHECK_FALSE(list.contains_token("Connection", "keep"));
    CHECK_FALSE(list.contains_token("Upgrade", "foo"));

    fields edge;
    edge.add("A", "x\\");
    edge.add("A", "\"\\");
    CHECK(edge.elements("A") == views{"x\\", "\"\\"});
}
