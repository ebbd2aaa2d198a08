// write_out: what -w says about a download that has ended, in curl's words.
#pragma once

#include <cstdint>
#include <string>

namespace http_get {

/// What there is to say of a download. Times are in seconds from its beginning; 0 is also what is not known.
class download_facts {
public:
    download_facts() = default;

    std::string url, url_effective, scheme, filename_effective, content_type, errormsg;
    std::string remote_ip, local_ip;
    std::uint16_t remote_port = 0, local_port = 0;
    int response_code = 0, exitcode = 0;
    std::size_t urlnum = 0; ///< from 0
    std::uint64_t size_download = 0; ///< bytes that came
    double time_connect = 0, time_appconnect = 0, time_starttransfer = 0, time_total = 0;
    unsigned num_redirects = 0, num_connects = 0, num_retries = 0;
};

/// What a format says: for standard output and for standard error.
struct written_out {
    std::string output{}, error{};
};

/// `%{NAME}` with the variables of curl that are members above, `http_code`, `speed_download`, `onerror`
/// (what follows is for failures) and `json` (all of them); `%{stdout}` and `%{stderr}`; `%%`; and `\n`, `\r`, `\t`.
/// A variable that is not known says nothing, and what begins no variable stays.
written_out write_out(const std::string& format, const download_facts& facts);

} // namespace http_get
