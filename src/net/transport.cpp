// transport: what a socket of a backend does that has no descriptor.
#include <portico/net/transport.hpp>

#include <cerrno>

namespace portico::inline v0_1 {

std::error_code socket_base::set_option(int, int, bytes) noexcept
{
    return std::make_error_code(std::errc::no_protocol_option);
}

std::error_code socket_base::get_option(int, int, std::span<char>, std::size_t&) const noexcept
{
    return std::make_error_code(std::errc::no_protocol_option);
}

io_result transport::try_write_descriptors(bytes, std::span<const int>) noexcept
{
    return {io_status::failed, 0, EOPNOTSUPP};
}

io_result transport::try_read_descriptors(std::span<char>, std::size_t, std::vector<int>&) noexcept
{
    return {io_status::failed, 0, EOPNOTSUPP};
}

io_result transport::try_write_file(int, std::uint64_t, std::size_t) noexcept
{
    return {io_status::failed, 0, EOPNOTSUPP};
}

io_result transport::try_read_to_file(int, std::size_t) noexcept
{
    return {io_status::failed, 0, EOPNOTSUPP};
}

void transport::wait_for_many(std::size_t, operation& waiter) noexcept
{
    wait(direction::read, waiter);
}

} // namespace portico
