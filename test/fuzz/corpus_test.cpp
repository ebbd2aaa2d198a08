// Replays the seeds of the fuzzers through their own entry functions, so that every test run does.
#include "catch.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

// Each fuzzer is a program of its own, with the same entry point: here they are functions.
#define LLVMFuzzerTestOneInput fuzz_url
#include "url_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_response
#include "http_response_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_request
#include "http_request_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_cookie
#include "http_cookie_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_date
#include "http_date_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_disposition
#include "http_disposition_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_netrc
#include "http_netrc_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_decoder
#include "http_decoder_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_challenge
#include "http_challenge_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_proxy
#include "http_proxy_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_http_international
#include "http_international_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_socks5
#include "socks5_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_proxy_protocol
#include "proxy_protocol_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_tls_record
#include "tls_record_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

int replay(const std::string& folder, int (*entry)(const std::uint8_t*, std::size_t))
{
    int replayed = 0;
    for (const auto& seed :
         std::filesystem::directory_iterator(std::filesystem::path(__FILE__).parent_path() / "corpus" / folder)) {
        std::ifstream file(seed.path(), std::ios::binary);
        const std::string input((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        INFO(seed.path());
        CHECK(entry(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()) == 0);
        ++replayed;
    }
    return replayed;
}

} // namespace

TEST_CASE("the fuzzers' seeds of URLs pass")
{
    CHECK(replay("url", fuzz_url) >= 10);
}

TEST_CASE("the fuzzers' seeds of HTTP responses pass")
{
    CHECK(replay("http_response", fuzz_http_response) >= 10);
}

TEST_CASE("the fuzzers' seeds of HTTP requests pass")
{
    CHECK(replay("http_request", fuzz_http_request) >= 10);
}

TEST_CASE("the fuzzers' seeds of cookies pass")
{
    CHECK(replay("http_cookie", fuzz_http_cookie) >= 10);
}

TEST_CASE("the fuzzers' seeds of dates pass")
{
    CHECK(replay("http_date", fuzz_http_date) >= 10);
}

TEST_CASE("the fuzzers' seeds of names for files pass")
{
    CHECK(replay("http_disposition", fuzz_http_disposition) >= 10);
}

TEST_CASE("the fuzzers' seeds of files .netrc pass")
{
    CHECK(replay("http_netrc", fuzz_http_netrc) >= 10);
}

TEST_CASE("the fuzzers' seeds of content codings pass")
{
    CHECK(replay("http_decoder", fuzz_http_decoder) >= 10);
}

TEST_CASE("the fuzzers' seeds of challenges pass")
{
    CHECK(replay("http_challenge", fuzz_http_challenge) >= 10);
}

TEST_CASE("the fuzzers' seeds of proxies pass")
{
    CHECK(replay("http_proxy", fuzz_http_proxy) >= 10);
}

TEST_CASE("the fuzzers' seeds of international URLs pass")
{
    CHECK(replay("http_international", fuzz_http_international) >= 10);
}

TEST_CASE("the fuzzers' seeds of what a SOCKS5 proxy says pass")
{
    CHECK(replay("socks5", fuzz_socks5) >= 10);
}

TEST_CASE("the fuzzers' seeds of PROXY headers pass")
{
    CHECK(replay("proxy_protocol", fuzz_proxy_protocol) >= 10);
}

TEST_CASE("the fuzzers' seeds of records of TLS pass")
{
    CHECK(replay("tls_record", fuzz_tls_record) >= 10);
}
