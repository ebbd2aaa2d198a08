// partial_file: see partial_file.hpp.
#include "http/partial_file.hpp"

#include <algorithm>
#include <charconv>
#include <portico/http/date.hpp>
#include <portico/wire/text.hpp>
#include <utility>

namespace portico::inline v0_1::http {

namespace {

constexpr std::string_view first_line = "portico.part 1\n";

template <class T>
T or_raise(result<T>&& outcome)
{
    if (!outcome)
        outcome.error().raise();
    if constexpr (!std::is_void_v<T>)
        return std::move(*outcome);
}

/// The value of the line `NAME: VALUE`.
std::optional<std::string> line_of(std::string_view text, std::string_view name)
{
    const std::string start = '\n' + std::string(name) + ": ";
    const std::size_t begin = text.find(start);
    if (begin == text.npos)
        return std::nullopt;
    const std::string_view rest = text.substr(begin + start.size());
    return std::string(rest.substr(0, rest.find('\n')));
}

/// A strong entity tag (RFC 9110 section 8.8.3).
bool is_strong_tag(std::string_view tag)
{
    return tag.size() >= 2 && tag.front() == '"' && tag.back() == '"'
           && std::ranges::all_of(tag.substr(1, tag.size() - 2),
                                  [](char each) { return each != '"' && each != ' ' && !portico::text::is_control(each); });
}

bool is_two_versions_apart(const fields& header)
{
    const auto modified = header.find("Last-Modified"), date = header.find("Date");
    const auto when = modified ? parse_date(*modified) : std::nullopt, now = date ? parse_date(*date) : std::nullopt;
    return when && now && *now - *when >= std::chrono::seconds(1);
}

} // namespace

part_origin::part_origin(std::string from, const response_head& head, std::optional<std::uint64_t> whole)
    : url(std::move(from)), length(whole)
{
    const auto tag = head.fields.find("ETag");
    if (tag && is_strong_tag(*tag))
        validator = *tag;
    else if (is_two_versions_apart(head.fields))
        validator = *head.fields.find("Last-Modified");
}

std::optional<part_origin> part_origin::parse(std::string_view text)
{
    auto url = line_of(text, "url"), validator = line_of(text, "validator"), length = line_of(text, "length");
    if (!text.starts_with(first_line) || !text.ends_with('\n') || !url || !validator
        || !(is_strong_tag(*validator) || (parse_date(*validator) && std::ranges::none_of(*validator, portico::text::is_control))))
        return std::nullopt;
    part_origin result;
    result.url = std::move(*url);
    result.validator = std::move(*validator);
    if (length) {
        std::uint64_t count = 0;
        const auto [end, failure] = std::from_chars(length->data(), length->data() + length->size(), count);
        if (failure != std::errc() || end != length->data() + length->size())
            return std::nullopt;
        result.length = count;
    }
    return result;
}

std::string part_origin::text() const
{
    std::string result(first_line);
    result += "url: " + url + "\nvalidator: " + validator + '\n';
    if (length)
        result += "length: " + std::to_string(*length) + '\n';
    return result;
}

partial_file::partial_file(context& own, const std::string& path, const std::string& url, bool may_resume)
    : own_(own), path_(path + ".part"), meta_(path_ + ".meta"), may_resume_(may_resume), begin_(own.now())
{
    open(url);
    origin_.url = url;
}

partial_file::~partial_file()
{
    if (!file_ || is_whole_ || !is_ours_)
        return;
    if (can_resume() && (noted_ || note()))
        return;
    // While it is still ours: nobody else can have begun another one under this name.
    (void)own_.backend().remove_file(meta_);
    (void)own_.backend().remove_file(path_);
}

void partial_file::open(const std::string& url)
{
    backend& outside = own_.backend();
    for (;;) {
        auto opened = or_raise(outside.open_file(path_, file_mode::extend));
        if (!or_raise(opened->lock()))
            throw error(std::make_error_code(std::errc::resource_unavailable_try_again), "open file", path_, phase::none,
                        "another download is writing to it");
        // Between the two, the one who had it may have given it its name.
        const file_status mine = or_raise(opened->status());
        const auto there = outside.status_of(path_);
        if (!there || there->device != mine.device || there->number != mine.number)
            continue;
        if (mine.what != file_status::kind::regular)
            throw error(std::make_error_code(std::errc::invalid_argument), "open file", path_, phase::none,
                        "it is no regular file");
        file_ = std::move(opened);
        size_ = mine.size;
        break;
    }
    is_ours_ = size_ == 0;
    if (is_ours_)
        return; // whatever notes there are, they are not of this: `restart` removes them
    const auto notes = outside.status_of(meta_);
    const bool is_file = notes && notes->what == file_status::kind::regular && !notes->is_link;
    const auto text = is_file ? outside.read_file(meta_, 64 * 1024) : result<std::string>(std::string());
    auto known = text && may_resume_ ? part_origin::parse(*text) : std::nullopt;
    if (known && known->url == url && (!known->length || size_ <= *known->length)) {
        origin_ = std::move(*known);
        noted_ = is_ours_ = true;
    }
}

void partial_file::restart(part_origin from)
{
    // In this order: a validator never stands beside the bytes of another version.
    if (const auto removed = own_.backend().remove_file(meta_); !removed && removed.error().code() != std::errc::no_such_file_or_directory)
        removed.error().raise();
    if (size_ != 0)
        or_raise(file_->truncate(0));
    size_ = 0;
    origin_ = std::move(from);
    noted_ = false;
    is_ours_ = true;
    begin_ = own_.now();
}

void partial_file::write(bytes data)
{
    or_raise(file_->write(data));
    wrote(data.size());
}

void partial_file::wrote(std::uint64_t count)
{
    constexpr std::uint64_t size_worth_noting = 1024 * 1024;
    constexpr duration time_worth_noting = std::chrono::seconds(1);
    size_ += count;
    if (!noted_ && can_resume() && (size_ >= size_worth_noting || own_.now() - begin_ >= time_worth_noting))
        may_resume_ = note();
}

/// Where it cannot be noted, the download goes on all the same, and can only not be gone on with.
bool partial_file::note()
{
    // A new one: somebody else may have put a link there that leads elsewhere.
    auto notes = own_.backend().open_file(meta_, file_mode::create_new);
    noted_ = notes && (*notes)->write(origin_.text()) && (*notes)->close();
    return noted_;
}

void partial_file::settle()
{
    if (size_ != 0 && or_raise(file_->status()).size != size_)
        or_raise(file_->truncate(size_));
}

void partial_file::sync()
{
    or_raise(file_->sync());
}

void partial_file::become(const std::string& path, bool replace)
{
    backend& outside = own_.backend();
    is_whole_ = true;
    or_raise(replace ? outside.rename_file(path_, path) : outside.rename_new_file(path_, path));
    const std::unique_ptr<portico::file> whole = std::move(file_); // its name is no longer ours to remove
    if (noted_)
        or_raise(outside.remove_file(meta_));
    or_raise(whole->close());
}

} // namespace portico::http
