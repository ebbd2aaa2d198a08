// receiver: what is done with a response while it arrives.
#pragma once

#include <memory>
#include <portico/core/context.hpp>
#include <portico/http/response_parser.hpp>
#include <string>

namespace portico::inline v0_1::http {

/// Is given a response piece by piece; what it throws ends the exchange. Views are valid during the call.
class receiver {
public:
    virtual ~receiver() = default;
    /// A response with another one to follow: of status 1xx, and from a `client` a redirect that it follows, a
    /// challenge that it answers.
    virtual void on_interim(const response_head&) {}
    virtual void on_head(const response_head& head) = 0; ///< the status and the header fields; once
    virtual void on_data(bytes data) = 0; ///< the next part of the body, valid during the call
    /// Asked after `on_data` until it says no: does some more of what that has begun, and says whether there is yet more.
    /// In between others have their turn; what `on_data` was given stays valid.
    virtual bool go_on() { return false; }
    /// The response is complete. Where this is not called, it is not.
    virtual void on_end(const fields& trailers) = 0;

    /// Asked after `on_head`: a descriptor to which the body may go without being looked at (splice(2)), so far as
    /// system and connection can do that; the rest comes by `on_data`. -1: none.
    virtual int direct_output() { return -1; }
    /// So many bytes of the body went there.
    virtual void on_moved(std::uint64_t count) { (void)count; }
    /// Asked before it waits for more: whether the rest is not wanted. The exchange then ends as if it were complete, without
    /// `on_end`, and the connection is of no further use.
    virtual bool is_done() const { return false; }
};

/// Makes the receiver of one exchange.
using receiver_maker = unique_function<std::unique_ptr<receiver>(context&)>;

/// Saves the body of a successful response (see `check_success`) to a file, which appears under its name only when it is
/// whole: until then it is `PATH.part`, and that is removed when the exchange fails. An existing file is replaced. A
/// path that is no regular file (a device, a pipe) is written to as the body arrives. Any other status is a
/// `reply_error`.
class file_receiver final : public receiver {
public:
    /// The backend outlives it.
    file_receiver(backend& outside, std::string path);
    ~file_receiver() override;
    /// Throws `reply_error` where the status is no success.
    void on_head(const response_head& head) override;
    /// Writes it to the file.
    void on_data(bytes data) override;
    void on_end(const fields& trailers) override;

private:
    backend& outside_;
    std::string path_, written_to_;
    std::unique_ptr<file> file_;
    bool in_place_ = false;
};

/// Throws `reply_error` unless the status is 2xx, or 3xx without a Location and not 304; the text names the
/// status, its reason and where it leads.
void check_success(const response_head& head);

/// For `http::get`: a `file_receiver` for this path.
receiver_maker save_to(std::string path);

} // namespace portico::http
