// Names for files: what Content-Disposition and a URL say, and what is left of it when it is made safe.
#include "catch.hpp"

#include <portico/http/content_disposition.hpp>
#include <string>

using namespace portico;
using namespace std::string_literals;
using http::file_name_of;
using http::safe_file_name;

TEST_CASE("Content-Disposition names a file by filename, quoted or not")
{
    struct field {
        const char *value, *name;
    };
    const field table[] = {
        {"attachment; filename=a.txt", "a.txt"},
        {"attachment; filename=\"a b.txt\"", "a b.txt"},
        {"attachment; FileName = \"a.txt\" ; size=1", "a.txt"},
        {"attachment ;\tfilename=a.txt ", "a.txt"},
        {"inline; filename=\"name;weird\"", "name;weird"},
        {"filename=name1336; charset=funny; option=strange", "name1336"},
        {"attachment; filename=log/server/name", "log/server/name"},
        {R"(attachment; filename="a\"b\\c\d")", R"(a"b\cd)"},
        {"attachment; filename=\"never closed; x", "never closed; x"},
        {"attachment; filename=\"a\\", "a\\"},
        {"attachment; filename=a b.txt; x=y", "a b.txt"},
        {"attachment; filename=first; filename=second", "first"},
        {"attachment; filename=; filename=second", "second"},
        {"attachment; x=\"filename=no\"; filename=yes", "yes"},
        {"attachment; x=\";filename=no;\"; filename=yes", "yes"},
        {"attachment; filename=\"a\"junk; filename=b", "a"},
        {"attachment; filename=a=b", "a=b"},
        {"attachment;; ;filename=a;", "a"},
        {"attachment; filename=\"=?UTF-8?Q?a?=\"", "=?UTF-8?Q?a?="},
        {"attachment; filename=\"%41\"", "%41"},
        {"attachment; filename=\"\xc3\xbc\"", "\xc3\xbc"},
        {"attachment; filename=\"\xfc\"", "\xc3\xbc"}, // ISO-8859-1
    };
    for (const field& each : table) {
        CAPTURE(each.value);
        CHECK(file_name_of(each.value) == each.name);
    }
}

TEST_CASE("filename* goes before filename where it can be read")
{
    struct field {
        const char *value, *name;
    };
    const field table[] = {
        {"attachment; filename=a; filename*=UTF-8''%e2%82%ac%20rates", "\xe2\x82\xac rates"},
        {"attachment; filename*=utf-8'en'b; filename=a", "b"},
        {"attachment; filename*=iso-8859-1'en'%A3%20rates", "\xc2\xa3 rates"},
        {"attachment; filename*=\"UTF-8''quoted\"", "quoted"},
        {"attachment; filename*=UTF-8''first; filename*=UTF-8''second", "first"},
        {"attachment; filename*=UTF-8''it's", "it's"},
        {"attachment; filename*=UTF-8''..%2f..%2fx", "../../x"},
        {"attachment; filename=a; filename*=UTF-8''%ff", "a"},
        {"attachment; filename=a; filename*=UTF-8''%c0%af", "a"},
        {"attachment; filename=a; filename*=Shift_JIS''b", "a"},
        {"attachment; filename=a; filename*=UTF-8'b", "a"},
        {"attachment; filename=a; filename*=b", "a"},
        {"attachment; filename=a; filename*=UTF-8''", "a"},
        {"attachment; filename=a; filename*=", "a"},
        {"attachment; filename=a; filename*0=b", "a"},
    };
    for (const field& each : table) {
        CAPTURE(each.value);
        CHECK(file_name_of(each.value) == each.name);
    }
}

TEST_CASE("a Content-Disposition without a name has none")
{
    for (const char* value : {"", ";", "=", "attachment", "inline;", "attachment; name=a", "attachment; filename",
                              "attachment; filename=", "attachment; filename=\"\"", "attachment; filename*=x",
                              "attachment; xfilename=a", "\"filename=a\"", "attachment; filename=\""}) {
        CAPTURE(value);
        CHECK(!file_name_of(value));
    }
}

TEST_CASE("a safe name is the last segment, and nothing in it has a meaning to a shell, a terminal or a file system")
{
    struct named {
        std::string given, safe;
    };
    const named table[] = {
        {"a.txt", "a.txt"},
        {"a b;$(c)'\".txt", "a b;$(c)'\".txt"},
        {"/etc/passwd", "passwd"},
        {"..\\..\\boot.ini", "boot.ini"},
        {"a/b\\c/d", "d"},
        {"a\\b/", ""},
        {"", ""},
        {".", ""},
        {"..", ""},
        {"...", ""},
        {"a/..", ""},
        {" . ", ""},
        {" \t a \t ", "a"},
        {"a. . .", "a"},
        {".bashrc", "_bashrc"},
        {" .bashrc", "_bashrc"},
        {"..a", "_.a"},
        {"-rf", "_rf"},
        {"--a", "_-a"},
        {"a\0b"s, "a_b"},
        {"a\r\n\x1b[2J\x7f", "a___[2J_"},
        {"\0"s, "_"},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\x8d", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x8c\x8d"},
        {"a\xc2\x9b\x32Jb", "a_2Jb"},           // CSI as a C1 control
        {"a\xff\xc3(\xc0\xaf", "a__(__"},       // no UTF-8, nor an overlong slash
        {"a\xe2\x80\xaetxt.exe", "a_txt.exe"},  // right-to-left override
        {"\xe2\x80\x8b.a\xef\xbb\xbf", "_.a_"}, // zero-width space, byte order mark
        {"a\xe2\x80\xa8"
         "b",
         "a_b"}, // line separator
    };
    for (const named& each : table) {
        CAPTURE(each.given);
        CHECK(safe_file_name(each.given) == each.safe);
        CHECK(safe_file_name(each.safe) == each.safe);
    }
}

TEST_CASE("a long name loses its middle, keeps its extension and stays valid UTF-8")
{
    CHECK(safe_file_name(std::string(200, 'a')) == std::string(200, 'a'));
    CHECK(safe_file_name(std::string(201, 'a')) == std::string(200, 'a'));
    CHECK(safe_file_name(std::string(300, 'a') + ".html") == std::string(195, 'a') + ".html");
    CHECK(safe_file_name(std::string(300, 'a') + "." + std::string(15, 'x'))
          == std::string(184, 'a') + "." + std::string(15, 'x'));
    CHECK(safe_file_name(std::string(300, 'a') + "." + std::string(16, 'x')) == std::string(200, 'a'));
    CHECK(safe_file_name("." + std::string(300, 'a')) == "_" + std::string(199, 'a'));
    CHECK(safe_file_name(std::string(190, 'a') + std::string(100, '.') + "b") == std::string(190, 'a') + ".b");
    std::string umlauts;
    for (int count = 0; count < 150; ++count)
        umlauts += "\xc3\xbc";
    CHECK(safe_file_name(umlauts) == umlauts.substr(0, 200));
    CHECK(safe_file_name("a" + umlauts) == "a" + umlauts.substr(0, 198));
    CHECK(safe_file_name(umlauts + ".x") == umlauts.substr(0, 198) + ".x");
    CHECK(safe_file_name(umlauts + ".xy") == umlauts.substr(0, 196) + ".xy");
    CHECK(safe_file_name(std::string(1000, '\xff')) == std::string(200, '_'));
}

TEST_CASE("the name for a URL is the last segment of its path, made safe")
{
    struct named {
        const char *where, *name;
    };
    const named table[] = {
        {"http://a", "index.html"},
        {"http://a/", "index.html"},
        {"http://a/?b/c", "index.html"},
        {"http://a/b", "b"},
        {"http://a/b/", "b"},
        {"http://a///foo//////////////", "foo"},
        {"http://a/b/c.tar.gz?d/e#f/g", "c.tar.gz"},
        {"http://a/b%20c", "b c"},
        {"http://a/%C3%BC", "\xc3\xbc"},
        {"http://a/%fc", "_"},
        {"http://a/b/..%2f..%2fetc%2fpasswd", "passwd"},
        {"http://a/..%5Cb", "b"},
        {"http://a/b%2f", "index.html"},
        {"http://a/b%00.txt", "b_.txt"},
        {"http://a/b%0d%0a%1b%7fc", "b____c"},
        {"http://a/b/..", "index.html"},
        {"http://a/%2E%2e", "index.html"},
        {"http://a/b/.", "b"},
        {"http://a/...", "index.html"},
        {"http://a/.b", ".b"},
        {"http://a/-b", "-b"},
        {"http://a/%zz%2", "%zz%2"},
        {"http://a/%252f", "%2f"},
    };
    for (const named& each : table) {
        CAPTURE(each.where);
        CHECK(http::file_name(url(each.where)) == each.name);
    }
}
