// memory_backend: files, which keep what a program can tell of a disk: positions, locks, times, and what becomes of an
// open file that is renamed, replaced or removed.
#include <portico/memory/memory_backend.hpp>

#include <algorithm>
#include <cerrno>

namespace portico::inline v0_1 {

namespace {

error failed(int code, const char* operation, std::string target)
{
    return {std::error_code(code, std::system_category()), operation, std::move(target)};
}

} // namespace

class memory_backend::memory_file final : public file {
public:
    memory_file(memory_backend& outside, std::string path, file_mode mode)
        : outside_(outside), name_(path), path_(std::move(path)), mode_(mode), number_(outside.facts(name_).number)
    {
        outside_.open_files_.push_back(this);
        if (mode == file_mode::extend)
            written_ = content().size();
    }
    ~memory_file() override { leave(); }

    result<std::size_t> read(std::span<char> destination) override
    {
        if (!is_open_ || (mode_ != file_mode::read && mode_ != file_mode::extend))
            return failed(EBADF, "read file", path_);
        const std::string& from = content();
        const std::size_t count = std::min(destination.size(), from.size() - std::min(from.size(), read_));
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), read_)), count, destination.begin());
        read_ += count;
        return count;
    }

    result<void> write(bytes data) override
    {
        if (!is_open_ || mode_ == file_mode::read)
            return failed(EBADF, "write file", path_);
        if (!outside_.take_space(data.size()))
            return failed(ENOSPC, "write file", path_);
        std::string& to = content();
        to.resize(std::max(to.size(), written_ + data.size()));
        std::copy_n(data.data(), data.size(), to.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ += data.size();
        touch();
        return {};
    }

    result<void> truncate(std::uint64_t size) override
    {
        if (!is_open_ || mode_ == file_mode::read)
            return failed(EBADF, "truncate file", path_);
        content().resize(written_ = static_cast<std::size_t>(size));
        touch();
        return {};
    }

    result<void> sync() override { return {}; }

    result<bool> lock() override
    {
        is_locked_ = std::ranges::none_of(outside_.open_files_, [this](const memory_file* each) {
            return each != this && each->number_ == number_ && each->is_locked_;
        });
        return is_locked_;
    }

    result<file_status> status() override
    {
        if (is_named_)
            return outside_.status_of(name_);
        file_status made;
        made.size = content_.size();
        made.number = number_;
        made.modified = modified_;
        return made;
    }

    result<void> close() override
    {
        leave();
        return {};
    }

    int native_handle() const noexcept override { return -1; }

    /// What a rename or a removal does to a file that is open.
    void renamed(const std::string& from, const std::string& to)
    {
        if (is_named_ && name_ == from)
            name_ = to;
    }
    void removed(const std::string& path)
    {
        if (!is_named_ || name_ != path)
            return;
        is_named_ = false;
        content_ = outside_.files_[path];
        modified_ = outside_.facts(path).modified;
    }

private:
    /// A test may have taken the file from under it: then it is made anew.
    std::string& content() { return is_named_ ? outside_.files_[name_] : content_; }
    void touch() { (is_named_ ? outside_.facts(name_).modified : modified_) = outside_.wall_time(); }
    void leave() noexcept
    {
        std::erase(outside_.open_files_, this);
        is_open_ = is_locked_ = false;
    }

    memory_backend& outside_;
    std::string name_;       // by now
    const std::string path_; // as it was opened
    const file_mode mode_;
    const std::uint64_t number_;
    std::size_t read_ = 0, written_ = 0;
    bool is_open_ = true, is_locked_ = false;
    bool is_named_ = true; // when it is not, the next two are its own
    std::string content_;
    std::chrono::system_clock::time_point modified_;
};

void memory_backend::set_wall_time(std::chrono::system_clock::time_point to) noexcept
{
    wall_start_ += to - wall_time();
}

/// What is known of the file or folder of this name beside its content.
memory_backend::file_facts& memory_backend::facts(const std::string& path)
{
    return facts_.try_emplace(path, file_facts{wall_time(), ++last_number_}).first->second;
}

bool memory_backend::take_space(std::size_t amount) noexcept
{
    if (amount > free_space_)
        return false;
    if (free_space_ != SIZE_MAX)
        free_space_ -= amount;
    return true;
}

/// A name stands for nothing any more: open files of that name go on without one.
void memory_backend::forget_name(const std::string& path)
{
    for (memory_file* const each : open_files_)
        each->removed(path);
    files_.erase(path);
    facts_.erase(path);
}

result<std::unique_ptr<file>> memory_backend::open_file(const std::string& path, file_mode mode)
{
    const bool exists = files_.contains(path);
    if (folders_.contains(path))
        return failed(EISDIR, "open file", path);
    if (mode == file_mode::create_new && exists)
        return failed(EEXIST, "open file", path);
    if (mode == file_mode::read && !exists)
        return failed(ENOENT, "open file", path);
    if (!exists)
        facts_.erase(path); // of one that a test has taken out of the map
    if (!exists || mode == file_mode::truncate) {
        files_[path].clear();
        facts(path).modified = wall_time();
    }
    return std::unique_ptr<file>(new memory_file(*this, path, mode));
}

result<std::string> memory_backend::read_file(const std::string& path, std::size_t limit)
{
    const auto found = files_.find(path);
    if (found == files_.end())
        return failed(folders_.contains(path) ? EISDIR : ENOENT, "open file", path);
    if (found->second.size() > limit)
        return error(errc::limit_exceeded, "read file", path);
    return found->second;
}

result<void> memory_backend::write_file(const std::string& path, bytes data)
{
    if (folders_.contains(path))
        return failed(EISDIR, "write file", path);
    if (!take_space(data.size()))
        return failed(ENOSPC, "write file", path);
    forget_name(path);
    files_[path] = data.text();
    facts(path);
    return {};
}

result<file_status> memory_backend::status_of(const std::string& path)
{
    const auto found = files_.find(path);
    const bool is_folder = folders_.contains(path);
    if (found == files_.end() && !is_folder)
        return failed(ENOENT, "look at file", path);
    file_status made;
    made.what = is_folder ? file_status::kind::folder : file_status::kind::regular;
    made.size = is_folder ? 0 : found->second.size();
    made.number = facts(path).number;
    made.modified = facts(path).modified;
    return made;
}

result<void> memory_backend::set_modification_time(const std::string& path,
                                                   std::chrono::system_clock::time_point modified)
{
    if (!status_of(path))
        return failed(ENOENT, "set the time of file", path);
    facts(path).modified = modified;
    return {};
}

result<void> memory_backend::rename_file(const std::string& from, const std::string& to)
{
    if (!files_.contains(from))
        return failed(ENOENT, "rename file", from + " to " + to);
    if (from == to)
        return {};
    forget_name(to);
    facts_[to] = facts(from);
    files_[to] = std::move(files_[from]);
    for (memory_file* const each : open_files_)
        each->renamed(from, to);
    forget_name(from);
    return {};
}

result<void> memory_backend::rename_new_file(const std::string& from, const std::string& to)
{
    if (files_.contains(from) && status_of(to))
        return failed(EEXIST, "rename file", from + " to " + to);
    return rename_file(from, to);
}

result<void> memory_backend::remove_file(const std::string& path)
{
    if (!files_.contains(path))
        return failed(ENOENT, "remove file", path);
    forget_name(path);
    return {};
}

result<void> memory_backend::make_folder(const std::string& path)
{
    if (files_.contains(path))
        return failed(EEXIST, "make folder", path);
    folders_.insert(path);
    return {};
}

result<void> memory_backend::sync_folder(const std::string& path)
{
    return folders_.contains(path) ? result<void>() : failed(ENOENT, "sync folder", path);
}

} // namespace portico
