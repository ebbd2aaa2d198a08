// download: see download.hpp.
#include <portico/http/download.hpp>

#include "http/framing.hpp"
#include "http/partial_file.hpp"
#include "http/sha256.hpp"
#include <algorithm>
#include <charconv>
#include <portico/core/deadline.hpp>
#include <portico/http/content_disposition.hpp>
#include <portico/http/date.hpp>
#include <portico/http/international.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

template <class T>
T or_raise(result<T>&& outcome)
{
    if (!outcome)
        outcome.error().raise();
    if constexpr (!std::is_void_v<T>)
        return std::move(*outcome);
}

std::optional<std::uint64_t> number(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

/// A Content-Range (RFC 9110 section 14.4): where it begins, and how long the whole is, as far as it says. Nothing of
/// one that is malformed.
struct content_range {
    std::optional<std::uint64_t> begin, whole;

    static content_range of(const fields& header)
    {
        const std::string_view value = header.find("Content-Range").value_or("");
        const std::size_t blank = value.find(' '), slash = value.find('/'), dash = value.find('-');
        if (blank == value.npos || slash == value.npos || !text::equals_ignoring_case(value.substr(0, blank), "bytes"))
            return {};
        const std::string_view range = value.substr(blank + 1, slash - blank - 1), size = value.substr(slash + 1);
        content_range result{std::nullopt, number(size)};
        if (!result.whole && size != "*")
            return {};
        if (range == "*")
            return result;
        result.begin = dash < slash ? number(value.substr(blank + 1, dash - blank - 1)) : std::nullopt;
        const auto last = result.begin ? number(value.substr(dash + 1, slash - dash - 1)) : std::nullopt;
        const bool is_good = last && *last >= *result.begin && (!result.whole || *last < *result.whole);
        return is_good ? result : content_range();
    }
};

/// The part is not one of what the server has now: everything again, from the beginning.
struct start_over {};

/// A download of which only the first try has a name that nobody has: the folder and the name of a path.
std::pair<std::string, std::string> folder_and_name(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == path.npos ? std::pair(std::string(), path)
                              : std::pair(path.substr(0, slash + 1), path.substr(slash + 1));
}

class downloading final : public receiver {
public:
    downloading(client& with, url from, std::string path, download_options how, download_observer& told, context& own)
        : with_(with), from_(std::move(from)), path_(std::move(path)), how_(std::move(how)), told_(told), own_(own),
          name_(from_.to_string()), begin_(own.now())
    {
        if (!how_.sha256.empty())
            std::ranges::transform(how_.sha256, how_.sha256.begin(), text::to_lower);
        if (how_.continue_at == 0)
            how_.continue_at.reset();
    }

    task<downloaded> run()
    {
        prepare();
        for (;;) {
            std::optional<error> failure;
            bool again = false;
            try {
                co_await try_once();
            } catch (const start_over&) {
                may_ask_for_rest_ = false;
                again = true;
            } catch (const error& why) {
                failure.emplace(why);
                if (!may_retry(why))
                    fail();
            }
            if (again)
                continue;
            if (!failure)
                break;
            const duration wait = next_delay();
            ++result_.retries;
            told_.on_retry(*failure, wait);
            co_await sleep_for(wait);
            may_ask_for_rest_ = true;
        }
        complete();
        co_return std::move(result_);
    }

    // Of the receiver.
    void on_interim(const response_head& head) override
    {
        told_.on_interim(head);
        const auto location = head.fields.find("Location");
        if (head.status >= 300 && head.status < 400 && location)
            redirected_to_ = resolve(redirected_to_.value_or(from_), *location);
    }
    void on_head(const response_head& head) override
    {
        told_.on_head(head);
        if (head.status == 429 || head.status == 503) // RFC 9110 section 10.2.3, RFC 6585 section 4
            take_retry_after(head.fields);
        skips_body_ = true;
        if (head.status == 304 || is_older_than_wanted(head)) {
            result_.unchanged = true;
            return;
        }
        if (head.status == 416 && offset_ != 0 && is_all_there(head.fields))
            return;
        if (head.status == 206 && !asks_for_range_)
            throw error(errc::refused, "resume", name_, phase::none, "the server sends a part, and was asked for the whole");
        if (head.status == 416 && offset_ != 0 && !how_.continue_at)
            throw start_over();
        try {
            check_success(head);
        } catch (const reply_error&) {
            // What is there and can be gone on with is worth more than what the server says.
            if (!how_.keep_error_body || how_.continue_at || (part_ && part_->can_resume()))
                throw;
            refused_.emplace(head);
        }
        begin_body(head);
        skips_body_ = is_all_there_;
    }
    void on_data(bytes data) override
    {
        if (skips_body_)
            return;
        if (!how_.sha256.empty())
            hash_.update(data);
        if (part_)
            part_->write(data);
        else
            or_raise(output().write(data));
        count(data.size());
    }
    void on_end(const fields&) override
    {
        const std::uint64_t end = offset_ + result_.size;
        if (skips_body_ || !expected_ || end == *expected_)
            return;
        if (end < *expected_) // a part of what was asked for
            throw protocol_error(errc::truncated, "read response",
                                 "the file ends " + std::to_string(*expected_ - end) + " bytes too early");
        if (part_)
            part_->discard();
        throw protocol_error(errc::malformed, "read response",
                             "the file has " + std::to_string(end - *expected_) + " bytes more than it should");
    }
    int direct_output() override
    {
        if (skips_body_ || !how_.sha256.empty())
            return -1;
        return part_ ? part_->file().native_handle() : output().native_handle();
    }
    void on_moved(std::uint64_t moved) override
    {
        if (part_)
            part_->wrote(moved);
        count(moved);
    }
    bool is_done() const override { return skips_body_; }

private:
    /// Finds out what there is under the name, and opens what is written to.
    void prepare()
    {
        backend& outside = own_.backend();
        if (how_.output != nullptr)
            return;
        if (how_.create_folders)
            make_folders();
        const auto there = outside.status_of(path_);
        if (there && there->what == file_status::kind::folder)
            throw error(std::make_error_code(std::errc::is_a_directory), "open file", path_);
        if (there && there->what == file_status::kind::special) {
            opened_ = or_raise(outside.open_file(path_, file_mode::truncate));
            return;
        }
        if (how_.continue_at) {
            continue_behind(there ? there->size : 0, there.has_value());
            return;
        }
        if (there && there->is_link && how_.if_exists == existing::replace && !how_.name_from_server) {
            opened_ = or_raise(outside.open_file(path_, file_mode::truncate)); // what it leads to is written, not the link
            told_.on_name(path_);
            return;
        }
        if (there && how_.if_changed) {
            how_.modified_since = std::chrono::floor<std::chrono::seconds>(there->modified);
            how_.if_exists = existing::replace;
        }
        if (there && how_.if_exists == existing::refuse && !how_.name_from_server)
            throw error(std::make_error_code(std::errc::file_exists), "open file", path_);
        const bool may_resume = !how_.include_head && !how_.request.decode && !how_.request.fields.contains("Range");
        part_.emplace(own_, path_, name_, may_resume);
        told_.on_name(path_);
    }

    void continue_behind(std::uint64_t size, bool is_there)
    {
        existing_size_ = size;
        existed_ = is_there;
        offset_ = *how_.continue_at == download_options::continue_at_end ? size : *how_.continue_at;
        if (!how_.sha256.empty() && offset_ != size)
            throw error(errc::refused, "resume", name_, phase::none,
                        "the file has " + std::to_string(size) + " bytes, and its SHA-256 is asked for");
        told_.on_name(path_);
    }

    void make_folders()
    {
        for (std::size_t slash = path_.find('/', 1); slash != path_.npos; slash = path_.find('/', slash + 1))
            or_raise(own_.backend().make_folder(path_.substr(0, slash)));
    }

    portico::file& output() noexcept { return how_.output != nullptr ? *how_.output : *opened_; }

    task<> try_once()
    {
        wait_asked_for_.reset();
        refused_.reset();
        refusal_is_whole_ = false;
        redirected_to_.reset();
        skips_body_ = false;
        result_.size = 0;
        if (part_)
            part_->settle();
        request_options asking = how_.request;
        if (part_ && may_ask_for_rest_ && part_->can_resume()) {
            offset_ = part_->size();
            asking.fields.set("Range", "bytes=" + std::to_string(offset_) + '-');
            asking.fields.set("If-Range", part_->origin().validator);
        } else if (how_.continue_at) {
            if (offset_ != 0)
                asking.fields.set("Range", "bytes=" + std::to_string(offset_) + '-');
        } else {
            offset_ = 0;
        }
        if (!how_.sha256.empty())
            co_await hash_what_is_there();
        if (how_.modified_since)
            asking.fields.set("If-Modified-Since", format_date(*how_.modified_since));
        if (how_.unmodified_since)
            asking.fields.set("If-Unmodified-Since", format_date(*how_.unmodified_since));
        asks_for_range_ = asking.fields.contains("Range");
        const std::uint64_t before = result_.received;
        auto outcome = co_await as_result(with_.get(from_, std::move(asking), *this));
        has_progressed_ = result_.received != before;
        if (!outcome && outcome.error().operation() == "write file") // moved directly, it knows a descriptor only
            throw error(outcome.error().code(), "write file", part_ ? part_->path() : path_);
        if (!outcome)
            outcome.error().raise();
        const unsigned connections = result_.response.connections;
        result_.response = std::move(*outcome);
        result_.response.connections += connections;
        refusal_is_whole_ = refused_.has_value();
        if (refused_)
            check_success(*refused_);
    }

    /// Reads what an earlier download has left: its bytes are part of what is checked.
    task<> hash_what_is_there()
    {
        hash_.reset();
        if (offset_ == 0)
            co_return;
        const std::unique_ptr<portico::file> reading =
            or_raise(own_.backend().open_file(part_ ? part_->path() : path_, file_mode::read));
        std::string piece(64 * 1024, '\0');
        for (std::uint64_t left = offset_; left != 0;) {
            const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
            const std::size_t got = or_raise(reading->read({piece.data(), wanted}));
            if (got == 0)
                throw error(errc::truncated, "read file", path_);
            hash_.update(bytes(piece.data(), got));
            left -= got;
            co_await yield();
        }
    }

    bool is_older_than_wanted(const response_head& head) const
    {
        const auto value = head.fields.find("Last-Modified");
        const auto modified = value ? parse_date(*value) : std::nullopt;
        if (!modified || head.status != 200)
            return false;
        return (how_.modified_since && *modified <= *how_.modified_since)
               || (how_.unmodified_since && *modified > *how_.unmodified_since);
    }

    void begin_body(const response_head& head)
    {
        const content_range range = content_range::of(head.fields);
        const auto length = head.fields.contains("Transfer-Encoding") || head.fields.contains("Content-Encoding")
                                ? std::nullopt : framing::content_length(head.fields);
        expected_.reset();
        if (head.status == 206 && offset_ != 0)
            expected_ = range.whole || !part_ ? range.whole : part_->origin().length;
        if (how_.continue_at)
            check_continuation(head, range, length);
        else if (part_ && head.status == 206 && offset_ != 0)
            check_rest(head, range);
        else
            begin_anew(head, length);
        if (how_.keep_time)
            modified_ = head.fields.contains("Last-Modified") ? parse_date(*head.fields.find("Last-Modified")) : std::nullopt;
        if (how_.name_from_server && !refused_)
            take_name(head);
        total_ = length ? std::optional(*length + offset_) : std::nullopt;
        if (total_ && *total_ > how_.request.most_bytes && how_.request.method == "GET")
            throw protocol_error(errc::limit_exceeded, "read response",
                                 "the file has " + std::to_string(*total_) + " bytes, more than "
                                     + std::to_string(how_.request.most_bytes), name_);
        told_.on_progress(offset_, total_);
    }

    /// There is no more of it than we have, and it is what we have a part of.
    bool is_all_there(const fields& header)
    {
        if (how_.continue_at && existing_size_ != offset_)
            return false;
        return content_range::of(header).whole == offset_ && (!part_ || part_->origin().length == offset_)
               && has_our_tag(header);
    }

    bool has_our_tag(const fields& header) const
    {
        const auto tag = header.find("ETag");
        return !part_ || !tag || !part_->origin().validator.starts_with('"') || *tag == part_->origin().validator;
    }

    /// A part is gone on with only where everything says that it is one of the same file.
    void check_rest(const response_head& head, const content_range& range) const
    {
        const part_origin& known = part_->origin();
        if (range.begin != offset_ || (range.whole && known.length && range.whole != known.length)
            || !has_our_tag(head.fields))
            throw start_over();
    }

    void check_continuation(const response_head& head, const content_range& range, std::optional<std::uint64_t> length)
    {
        // Some servers send `bytes 50-` alone.
        const bool begins_there = head.fields.find("Content-Range").value_or("").starts_with(
            "bytes " + std::to_string(offset_) + '-');
        if (head.status == 200 && offset_ != 0 && length == offset_ && existing_size_ == offset_) { // it is all there
            is_all_there_ = true;
            return;
        }
        if (offset_ == 0 || begins_there) {
            if (!opened_)
                opened_ = or_raise(own_.backend().open_file(path_, file_mode::extend));
            return;
        }
        throw error(errc::refused, "resume", name_, phase::none,
                    range.begin ? "the server begins at byte " + std::to_string(*range.begin) + " in place of "
                                      + std::to_string(offset_)
                                : "the server cannot begin at byte " + std::to_string(offset_));
    }

    void begin_anew(const response_head& head, std::optional<std::uint64_t> length)
    {
        if (offset_ != 0 && !how_.sha256.empty())
            hash_.reset();
        offset_ = 0;
        if (part_) {
            // A part that the caller has asked for is none that a later download could go on with.
            const bool is_whole_file = head.status == 200;
            part_->restart(is_whole_file ? part_origin(name_, head, length) : part_origin());
        } else if (has_written_) {
            throw error(errc::refused, "resume", name_, phase::none, "what was written cannot be taken back");
        }
        if (how_.include_head)
            write_head(head);
    }

    void write_head(const response_head& head)
    {
        std::string text = "HTTP/1." + std::to_string(head.minor_version) + ' ' + std::to_string(head.status) + ' ' + head.reason;
        for (const auto& [name, value] : head.fields)
            text.append("\r\n").append(name).append(": ").append(value);
        text += "\r\n\r\n";
        skips_body_ = false;
        on_data(text);
    }

    void take_name(const response_head& head)
    {
        const auto disposition = head.fields.find("Content-Disposition");
        std::string name = disposition ? safe_file_name(file_name_of(*disposition).value_or("")) : "";
        if (name.empty() && redirected_to_)
            name = safe_file_name(file_name(*redirected_to_));
        if (!name.empty())
            named_ = folder_and_name(path_).first + name;
        const std::string& chosen = name.empty() ? path_ : named_;
        const bool is_free = how_.if_exists == existing::number || (how_.if_exists == existing::replace && name.empty());
        if (!is_free && own_.backend().status_of(chosen))
            throw error(std::make_error_code(std::errc::file_exists), "open file", chosen, phase::none,
                        name.empty() ? "" : "the server has chosen this name");
        told_.on_name(chosen);
    }

    void count(std::uint64_t arrived)
    {
        has_written_ = true;
        result_.received += arrived;
        result_.size += arrived;
        told_.on_progress(offset_ + result_.size, total_);
        if (offset_ + result_.size > how_.request.most_bytes)
            throw protocol_error(errc::limit_exceeded, "read response",
                                 "the file has more bytes than " + std::to_string(how_.request.most_bytes), name_);
    }

    // Of trying again.
    void take_retry_after(const fields& header)
    {
        const auto value = header.find("Retry-After");
        const auto now = std::chrono::floor<std::chrono::seconds>(own_.backend().wall_time());
        if (const auto wait = value ? parse_retry_after(*value, now) : std::nullopt)
            wait_asked_for_ = *wait;
    }

    static bool is_passing(int status)
    {
        return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
    }

    bool is_passing(const error& why) const
    {
        if (const auto* const reply = dynamic_cast<const reply_error*>(&why))
            return is_passing(reply->status());
        if (why.code() == std::errc::connection_refused)
            return how_.retry.refused;
        const std::error_code& code = why.code();
        return code == errc::timed_out || code == errc::truncated || why.operation() == "wait for a response"
               || code == std::errc::connection_reset || code == std::errc::connection_aborted
               || code == std::errc::broken_pipe || code == std::errc::timed_out || code == std::errc::host_unreachable
               || code == std::errc::network_unreachable || code == std::errc::network_down;
    }

    bool may_retry(const error& why)
    {
        if (!part_ && has_written_)
            return false; // it is gone to where nothing can be taken back
        if (result_.retries >= how_.retry.count.value_or(3))
            return false;
        if (!how_.retry.count && !(has_progressed_ && part_ && part_->can_resume()))
            return false;
        if (why.operation().ends_with(" file") || (!how_.retry.all_errors && !is_passing(why)))
            return false;
        // A server must not keep anybody waiting for as long as it likes.
        if (wait_asked_for_ > std::max<duration>(how_.retry.longest_delay, std::chrono::minutes(10)))
            return false;
        return how_.retry.time == no_timeout
               || own_.now() - begin_ + wait_asked_for_.value_or(duration::zero()) < how_.retry.time;
    }

    duration next_delay()
    {
        if (wait_asked_for_)
            return *wait_asked_for_;
        if (how_.retry.delay > duration::zero())
            return how_.retry.delay;
        duration wait = std::chrono::seconds(1);
        for (unsigned i = 0; i < result_.retries && wait < how_.retry.longest_delay; ++i)
            wait *= 2;
        wait = std::min(wait, how_.retry.longest_delay);
        std::uint32_t chance = 0;
        own_.backend().random(std::as_writable_bytes(std::span(&chance, 1)));
        return wait - std::chrono::duration_cast<duration>(std::chrono::duration<double>(
                          std::chrono::duration<double>(wait).count() / 2 * chance / UINT32_MAX));
    }

    [[noreturn]] void fail()
    {
        if (refusal_is_whole_ && part_)
            give_name(); // of what the server says about it
        if (how_.remove_on_error) {
            if (part_)
                part_->discard();
            else if (opened_ && how_.continue_at && !existed_)
                (void)own_.backend().remove_file(path_);
        }
        throw;
    }

    // Of the end.
    void complete()
    {
        result_.size += offset_;
        if (result_.unchanged) {
            if (part_ && !part_->can_resume())
                part_->discard();
            return;
        }
        check_hash();
        if (how_.sync)
            part_ ? part_->sync() : or_raise(output().sync());
        if (part_)
            give_name();
        else if (opened_)
            or_raise(opened_->close());
        if (result_.path.empty())
            result_.path = path_;
        if (how_.keep_time && modified_)
            or_raise(own_.backend().set_modification_time(result_.path, *modified_));
    }

    void check_hash()
    {
        if (how_.sha256.empty())
            return;
        const std::string found = hash_.finish();
        if (found == how_.sha256)
            return;
        if (part_)
            part_->discard();
        throw error(errc::untrusted, "check file", part_ ? part_->path() : path_, phase::none,
                    "its SHA-256 is " + found + " and not " + how_.sha256);
    }

    void give_name()
    {
        const std::string wanted = named_.empty() ? path_ : named_;
        const bool replace = how_.if_exists == existing::replace && named_.empty();
        constexpr unsigned most = 100;
        for (unsigned number = 0;; ++number) {
            result_.path = number == 0 ? wanted : wanted + '.' + std::to_string(number);
            try {
                part_->become(result_.path, replace);
                break;
            } catch (const error& why) {
                if (why.code() != std::errc::file_exists || how_.if_exists != existing::number || number == most)
                    throw;
            }
        }
        if (how_.sync) {
            const std::string folder = folder_and_name(result_.path).first;
            or_raise(own_.backend().sync_folder(folder.empty() ? "." : folder));
        }
    }

    client& with_;
    url from_;
    std::string path_, named_; // `named_`: what the server calls it
    download_options how_;
    download_observer& told_;
    context& own_;
    std::string name_; // of what is downloaded
    std::optional<url> redirected_to_;
    time_point begin_;
    std::optional<partial_file> part_;
    std::unique_ptr<portico::file> opened_; // in place of a part
    sha256 hash_;
    downloaded result_;
    std::uint64_t offset_ = 0; // where what comes begins
    std::optional<std::uint64_t> total_, expected_; // `expected_`: what a rest must complete
    std::optional<std::chrono::sys_seconds> modified_;
    std::optional<duration> wait_asked_for_;
    std::optional<response_head> refused_; // of an error whose body is saved
    std::uint64_t existing_size_ = 0; // of the file that is continued
    bool existed_ = false;
    bool asks_for_range_ = false;
    bool may_ask_for_rest_ = true, has_written_ = false, has_progressed_ = false;
    bool skips_body_ = false, is_all_there_ = false, refusal_is_whole_ = false;
};

} // namespace

task<downloaded> download(client& with, url from, std::string path, download_options how, download_observer* observer)
{
    context& own = co_await this_context();
    download_observer nobody;
    downloading all(with, std::move(from), std::move(path), std::move(how), observer != nullptr ? *observer : nobody, own);
    co_return co_await all.run();
}

} // namespace portico::http
