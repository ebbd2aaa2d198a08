// folder: a temporary folder, for tests that need files of the system.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace test {

/// Is there, and empty, until this is destroyed.
class temporary_folder {
public:
    explicit temporary_folder(const std::string& in = std::filesystem::temp_directory_path().string())
        : path_(in + "/portico-test-XXXXXX")
    {
        if (::mkdtemp(path_.data()) == nullptr)
            throw std::runtime_error("no temporary folder");
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    const std::string& path() const noexcept { return path_; }
    std::string path(const std::string& name) const { return path_ + '/' + name; }
    /// The content of a file.
    std::string content(const std::string& name) const
    {
        std::ifstream file(path(name), std::ios::binary);
        if (!file)
            throw std::runtime_error("cannot read " + path(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    /// How many files and folders are in it.
    std::size_t size() const
    {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
    }

private:
    std::string path_;
};

} // namespace test
