// asio_stream: reads and writes that never throw.
#include <portico/asio/stream.hpp>

namespace portico::inline v0_1::detail {

namespace {

// The code of the exception that is being handled.
std::error_code current_code(context& own)
{
    try {
        throw;
    } catch (const cancelled&) {
        return asio::error::operation_aborted;
    } catch (const std::system_error& failure) {
        return failure.code();
    } catch (const std::exception& failure) {
        own.report(report(failure.what(), std::current_exception())); // a misuse, for which there is no number
        return std::make_error_code(std::errc::invalid_argument);
    }
}

} // namespace

task<transferred> read_for_asio(connection& from, std::span<char> destination)
{
    transferred what;
    try {
        if (!destination.empty()) {
            what.count = co_await from.read_into(destination);
            what.ended = what.count == 0;
        }
    } catch (...) {
        what.code = current_code(from.owner());
    }
    co_return what;
}

task<transferred> write_for_asio(connection& to, std::vector<bytes> buffers)
{
    transferred what;
    try {
        writing all(to, buffers);
        try {
            co_await std::move(all);
        } catch (...) {
            what.code = current_code(to.owner());
        }
        what.count = all.written(); // NOLINT(bugprone-use-after-move): an operation stays where it is
    } catch (...) {
        what.code = current_code(to.owner());
    }
    co_return what;
}

} // namespace portico::detail
