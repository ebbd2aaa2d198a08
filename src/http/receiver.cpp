// receiver: saving a body to a file.
#include <portico/http/receiver.hpp>

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

bool is_special(backend& outside, const std::string& path)
{
    const result<file_status> there = outside.status_of(path);
    return there && there->what != file_status::kind::regular;
}

} // namespace

void check_success(const response_head& head)
{
    const bool leads_on = head.status >= 300 && !head.fields.find("Location").value_or("").empty();
    if (head.status >= 200 && head.status < 400 && head.status != 304 && !leads_on)
        return;
    std::string detail = "the server answered " + std::to_string(head.status);
    if (!head.reason.empty())
        detail += ' ' + text::escape(head.reason);
    if (const auto location = head.fields.find("Location"); location && head.status >= 300 && head.status < 400)
        detail += " and points to " + text::escape(*location, 200);
    throw reply_error(head.status, "download", std::move(detail));
}

file_receiver::file_receiver(backend& outside, std::string path)
    : outside_(outside), path_(std::move(path)), in_place_(is_special(outside, path_))
{
}

file_receiver::~file_receiver()
{
    if (file_ != nullptr && !in_place_) {
        file_.reset();
        (void)outside_.remove_file(written_to_);
    }
}

void file_receiver::on_head(const response_head& head)
{
    check_success(head);
    written_to_ = in_place_ ? path_ : path_ + ".part";
    file_ = or_raise(outside_.open_file(written_to_, file_mode::truncate));
}

void file_receiver::on_data(bytes data)
{
    or_raise(file_->write(data));
}

void file_receiver::on_end(const fields&)
{
    or_raise(file_->close());
    if (!in_place_)
        or_raise(outside_.rename_file(written_to_, path_));
    file_.reset();
}

receiver_maker save_to(std::string path)
{
    return [path = std::move(path)](context& own) { return std::make_unique<file_receiver>(own.backend(), path); };
}

} // namespace portico::http
