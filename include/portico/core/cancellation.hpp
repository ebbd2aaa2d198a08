// cancelled: what every await in a cancelled scope throws until the scope ends.
#pragma once

namespace portico::inline v0_1 {

/// Thrown by an await inside a cancelled scope, and by every further one until the scope ends. It is no failure and
/// does not derive from `std::exception`, so that `catch (const std::exception&)` cannot swallow it. Code that must do
/// something on the way out catches it, or uses a destructor, and lets it go on.
struct cancelled {};

} // namespace portico
