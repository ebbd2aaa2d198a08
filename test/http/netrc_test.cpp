// netrc: which entry of a file is the login for a host.
#include "catch.hpp"

#include <portico/error.hpp>
#include <portico/http/netrc.hpp>
#include <string>

using namespace portico;
using http::login;
using http::netrc_login;

namespace {

std::string fault(std::string_view text)
{
    try {
        (void)netrc_login(text, "a");
    } catch (const error& failure) {
        CHECK(failure.code() == errc::malformed);
        return failure.what();
    }
    return "none";
}

} // namespace

TEST_CASE("the first entry for the host is its login, or else the default one")
{
    const std::string_view text = "machine a.com login alice password one\n"
                                  "machine b.com\n\tlogin bob\n\tpassword two account three\n"
                                  "machine a.com login again password four\r\n"
                                  "default login anonymous password me@example.com\n"
                                  "machine c.com login late password five\n";
    CHECK(netrc_login(text, "a.com") == login("alice", "one"));
    CHECK(netrc_login(text, "A.Com") == login("alice", "one"));
    CHECK(netrc_login(text, "b.com") == login("bob", "two"));
    CHECK(netrc_login(text, "c.com") == login("anonymous", "me@example.com"));
    CHECK(netrc_login(text, "xa.com") == login("anonymous", "me@example.com"));
    CHECK(!netrc_login(text.substr(0, text.find("default")), "c.com"));
    CHECK(!netrc_login("", "a.com"));
    CHECK(!netrc_login("login alice password one", "a.com"));
}

TEST_CASE("a given user chooses the entry")
{
    const std::string_view text = "machine h login user1 password passwd1\n"
                                  "machine h login user2\n"
                                  "machine h\n"
                                  "machine h password passwd2 login user2\n"
                                  "machine h login User1 password passwd3\n"
                                  "machine g password any\n"
                                  "default login user9 password passwd9";
    CHECK(netrc_login(text, "h", "user1") == login("user1", "passwd1"));
    CHECK(netrc_login(text, "h", "user2") == login("user2", "passwd2"));
    CHECK(netrc_login(text, "h", "User1") == login("User1", "passwd3"));
    CHECK(!netrc_login(text, "h", "user3"));
    CHECK(netrc_login(text, "h", "user9") == login("user9", "passwd9"));
    CHECK(netrc_login(text, "g", "whoever") == login("whoever", "any"));
    CHECK(netrc_login(text, "g") == login("", "any"));
}

TEST_CASE("an entry may lack one of the two, and one that has neither says nothing")
{
    CHECK(netrc_login("machine h password secret", "h") == login("", "secret"));
    CHECK(netrc_login("machine h login alice", "h") == login("alice", ""));
    CHECK(netrc_login("machine h login alice password \"\"", "h", "alice") == login("alice", ""));
    CHECK(!netrc_login("machine h login alice", "h", "alice"));
    CHECK(!netrc_login("machine a.com login alice password x\ndefault\n", "b.com"));
    CHECK(netrc_login("machine h\nmachine h login second", "h") == login("second", ""));
    CHECK(netrc_login("machine h password first password last", "h") == login("", "last"));
}

TEST_CASE("quotation marks hold blanks and escapes, and a backslash elsewhere is itself")
{
    CHECK(netrc_login(R"(machine "h" login "a b" password "\"\\\n\r\t\q#")", "h") == login("a b", "\"\\\n\r\tq#"));
    CHECK(netrc_login("machine h login a\\nb password c\"d", "h") == login("a\\nb", "c\"d"));
    CHECK(netrc_login("machine h login \"a\"password \"b\"", "h") == login("a", "b"));
    CHECK(netrc_login("machine h login \xff password \x01", "h") == login("\xff", "\x01"));
}

TEST_CASE("comments, macros and unknown words are passed over, and a password may begin with a hash")
{
    CHECK(netrc_login("# machine h login no\nmachine h # here\n login yes # \"there\n password #secret", "h")
          == login("yes", "#secret"));
    CHECK(netrc_login("#", "h") == std::nullopt);
    CHECK(netrc_login("\nmacdef init\n\tbin\n\tcd \"broken\n\tmachine h login no\n\nmachine h login yes", "h")
          == login("yes", ""));
    CHECK(netrc_login("macdef init\r\n machine h login no\r\n\r\nmachine h login yes", "h") == login("yes", ""));
    CHECK(!netrc_login("macdef init\nmachine h login no", "h"));
    CHECK(!netrc_login("macdef init", "h"));
    CHECK(netrc_login("machine h protocol https port 443 LOGIN yes", "h") == login("yes", ""));
}

TEST_CASE("a broken file is an error that names the line and nothing of what is in it")
{
    CHECK(fault("\nmachine a login b\npassword \"secret\nmachine a login c")
          == "parse netrc line 3: a quotation mark is not closed");
    CHECK(fault("machine a password \"secret") == "parse netrc line 1: a quotation mark is not closed");
    CHECK(fault("machine a password \"secret\\") == "parse netrc line 1: a quotation mark is not closed");
    CHECK(fault("machine a password \"secret\\\n\"") == "parse netrc line 1: a quotation mark is not closed");
    CHECK(fault("machine") == "parse netrc line 1: a value is missing at the end");
    CHECK(fault("machine a login b password\n\n") == "parse netrc line 3: a value is missing at the end");
}

TEST_CASE("every part of a netrc is read without harm")
{
    const std::string text = "default login \"a\\n\" password b\nmacdef c\nd\n\n#e\nmachine f account g\n";
    for (std::size_t size = 0; size <= text.size(); ++size)
        try {
            (void)netrc_login(std::string(text, 0, size), "f"); // a copy, whose end the sanitiser knows
        } catch (const error& failure) {
            CHECK(failure.code() == errc::malformed);
        }
}
