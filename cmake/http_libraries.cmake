# The libraries that portico::http needs, as their pkg-config files tell: not all of them have a CMake package everywhere.
find_package(PkgConfig REQUIRED)
pkg_check_modules(portico_http_libraries REQUIRED IMPORTED_TARGET GLOBAL zlib libbrotlidec libzstd libidn2 libpsl)
