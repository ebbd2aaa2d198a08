// partial_file: NAME.part and NAME.part.meta, of which a download becomes a file when it is whole.
#pragma once

#include <memory>
#include <optional>
#include <portico/core/context.hpp>
#include <portico/http/response_parser.hpp>
#include <string>

namespace portico::inline v0_1::http {

/// What a part is part of.
struct part_origin {
    part_origin() = default;
    /// That of a response: its validator is a strong ETag, or a Last-Modified that cannot be that of two versions
    /// (RFC 9110 section 8.8.2.2).
    part_origin(std::string from, const response_head& head, std::optional<std::uint64_t> whole);
    /// None where the text is not what `text` has made.
    static std::optional<part_origin> parse(std::string_view text);
    std::string text() const;

    std::string url;
    std::string validator; ///< for If-Range; empty: nothing proves that it is the same file
    std::optional<std::uint64_t> length; ///< of the whole
};

/// A file as long as it is not whole. Unless `become` was called, the destructor leaves what can be gone on with, and
/// removes the rest.
class partial_file {
public:
    /// Opens PATH.part, and takes what is there of this URL. What else is there stays until `restart`. Fails where another
    /// download has it.
    partial_file(context& own, const std::string& path, const std::string& url, bool may_resume);
    partial_file(const partial_file&) = delete;
    partial_file& operator=(const partial_file&) = delete;
    ~partial_file();

    const std::string& path() const noexcept { return path_; }
    std::uint64_t size() const noexcept { return size_; }
    /// Whether a server can be asked for the rest.
    bool can_resume() const noexcept { return may_resume_ && size_ != 0 && !origin_.validator.empty(); }
    const part_origin& origin() const noexcept { return origin_; }
    portico::file& file() noexcept { return *file_; }

    /// Begins anew, with what is part of this.
    void restart(part_origin from);
    void write(bytes data);
    /// So much was written to the file's descriptor.
    void wrote(std::uint64_t count);
    /// The file has what was counted, and no byte more.
    void settle();
    /// Writes all that is in memory of the system to the disk.
    void sync();
    /// Gives the whole file its name: one that is free, or in place of what has it. Where that fails, it stays PATH.part.
    void become(const std::string& path, bool replace);
    /// Nothing is to stay of it.
    void discard() noexcept { may_resume_ = false; }

private:
    void open(const std::string& url);
    bool note();

    context& own_;
    std::string path_, meta_;
    bool may_resume_;
    std::unique_ptr<portico::file> file_;
    std::uint64_t size_ = 0;
    part_origin origin_;
    time_point begin_;
    bool noted_ = false; // `meta_` is there
    bool is_ours_ = false; // what is in it has been written by us
    bool is_whole_ = false;
};

} // namespace portico::http
