// The version of the library, by semantic versioning.
#pragma once

#define PORTICO_VERSION_MAJOR 0
#define PORTICO_VERSION_MINOR 1
#define PORTICO_VERSION_PATCH 0

/// The library. Its version is an inline namespace, so that two versions can be in one program.
namespace portico::inline v0_1 {

/// `0.1.0`.
inline constexpr const char* version = "0.1.0";

} // namespace portico
