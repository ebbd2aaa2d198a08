// Passing descriptors and sending files.
#include <portico/net/descriptor_operations.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>

namespace portico::inline v0_1::detail {

bool reading_descriptors::attempt() noexcept
{
    if (!is_usable())
        return true;
    try {
        if (buffered() == 0)
            return receive();
        const bool complete = reading::attempt(); // what came before, without descriptors
        received_.data = found().text();
        return complete;
    } catch (const std::exception&) { // bad_alloc, or length_error of a limit that no string can have
        return fail(ENOMEM), true;
    }
}

bool reading_descriptors::receive()
{
    std::vector<int> handles;
    constexpr std::size_t most_in_one = 253; // unix(7); what has arrived must have a place
    received_.handles.reserve(most_in_one);
    received_.data.resize(limit_);
    const io_result got = stream().try_read_descriptors(received_.data, most_, handles);
    for (const int each : handles)
        received_.handles.emplace_back(each);
    received_.data.resize(got.count);
    return account(got) || failed();
}

error reading_descriptors::describe(std::error_code code) const
{
    const error plain = reading::describe(code);
    return {code, "receive descriptors from", plain.target(), plain.phase()};
}

reading_to_file::reading_to_file(connection& from, int file, std::uint64_t count)
    : reading(from, until::some, 1), most_(count), file_(file)
{
    if (count == 0)
        throw misuse("a read of 0 bytes could not tell the end of the stream");
    if (buffered() != 0)
        throw misuse("a read to a file would overtake bytes that have been received and not been read: "
                     + std::to_string(buffered()));
}

bool reading_to_file::attempt() noexcept
{
    if (!is_usable() || has_ended())
        return true;
    if (is_drained())
        return false;
    constexpr std::uint64_t most_a_turn = 4 << 20; // a peer that is fast must not keep everybody else waiting
    const io_result got = stream().try_read_to_file(file_, static_cast<std::size_t>(std::min(most_, most_a_turn)));
    moved_ = got.count;
    file_failed_ = got.of_file;
    return account(got) || failed();
}

// It waits for many bytes, so that a fast peer does not wake it for each packet, but not for long, as a slow one may never
// send so many: to /dev/null, the CPU time is then half of what it is otherwise.
void reading_to_file::begin_wait() noexcept
{
    constexpr std::uint64_t many = 512 * 1024;
    stream().wait_for_many(static_cast<std::size_t>(std::min(most_, many)), *this);
    look_again_after(std::chrono::milliseconds(10));
}

error reading_to_file::describe(std::error_code code) const
{
    if (file_failed_)
        return {code, "write file", "descriptor " + std::to_string(file_)};
    return reading::describe(code);
}

writing_descriptors::writing_descriptors(connection& to, bytes data, std::span<const int> handles)
    : writing(to, data), handles_(handles)
{
    if (data.empty())
        throw misuse("descriptors need a byte to travel with");
}

bool writing_descriptors::attempt() noexcept
{
    if (!is_usable())
        return true;
    if (!passed_) {
        const io_result sent = stream().try_write_descriptors(first(), handles_);
        if (!account(sent))
            return failed();
        passed_ = true;
        skip(sent.count);
    }
    return writing::attempt();
}

error writing_descriptors::describe(std::error_code code) const
{
    const error plain = writing::describe(code);
    return {code, "pass descriptors to", plain.target(), plain.phase()};
}

bool writing_file::attempt() noexcept
{
    if (!is_usable())
        return true;
    constexpr std::uint64_t most_a_turn = 4 << 20; // a peer that keeps up must not keep everybody else waiting
    for (std::uint64_t turn = 0; left_ != 0;) {
        if (turn >= most_a_turn)
            return false;
        const auto count = static_cast<std::size_t>(std::min(left_, most_a_turn));
        const io_result sent = stream().try_write_file(file_, offset_, count);
        if (sent.status == io_status::end)
            break;
        if (!account(sent))
            return failed();
        offset_ += sent.count;
        left_ -= sent.count;
        turn += sent.count;
    }
    return writing::attempt();
}

error writing_file::describe(std::error_code code) const
{
    const error plain = writing::describe(code);
    return {code, "send a file to", plain.target(), plain.phase()};
}

} // namespace portico::detail
