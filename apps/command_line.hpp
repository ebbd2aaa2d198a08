// command_line: what the options of both programs have in common.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <portico/core/backend.hpp>
#include <string>

/// What the programs share.
namespace command_line {

inline portico::duration seconds(double count)
{
    return std::chrono::duration_cast<portico::duration>(std::chrono::duration<double>(count));
}

/// CLI::Range lets "nan" pass.
inline std::string check_number(const std::string& text)
{
    return std::isnan(std::stod(text)) ? text + " is not a number" : std::string();
}

/// A variable of the environment; null where there is none.
inline const char* environment(const char* name)
{
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody changes it
}

/// What is not there must not mean what it means where the option is not given: anybody is trusted, any key is good.
inline std::string check_not_empty(const std::string& text)
{
    return text.empty() ? "it is empty" : std::string();
}

} // namespace command_line
