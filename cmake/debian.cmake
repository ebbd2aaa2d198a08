# The Debian packages libportico-dev and portico-tools: `cpack -G DEB` in a release build. Dependencies of the programs
# are those that dpkg-shlibdeps finds.
if(NOT PROJECT_IS_TOP_LEVEL OR NOT PORTICO_BUILD_APPS OR BUILD_SHARED_LIBS)
    return() # a package of a shared library would have the library's version in its name
endif()

set(doc ${CMAKE_INSTALL_DATAROOTDIR}/doc)
foreach(package libportico-dev portico-tools)
    string(REGEX REPLACE ".*-" portico_ component ${package})
    install(FILES LICENSE RENAME copyright DESTINATION ${doc}/${package} COMPONENT ${component})
    install(FILES CHANGELOG.md DESTINATION ${doc}/${package} COMPONENT ${component})
    string(TOUPPER ${component} component)
    set(CPACK_DEBIAN_${component}_PACKAGE_NAME ${package})
endforeach()
install(FILES README.md DESTINATION ${doc}/libportico-dev COMPONENT portico_dev)
install(DIRECTORY docs DESTINATION ${doc}/libportico-dev COMPONENT portico_dev FILES_MATCHING PATTERN *.md)

set(CPACK_COMPONENTS_ALL portico_dev portico_tools)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "portico developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own, the first line of its description

set(CPACK_DEBIAN_PORTICO_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PORTICO_DEV_PACKAGE_DEPENDS "libfmt-dev, libasio-dev (>= 1:1.22.1), libssl-dev (>= 3),
    zlib1g-dev, libbrotli-dev, libzstd-dev, libidn2-dev, libpsl-dev")
set(CPACK_COMPONENT_PORTICO_DEV_DESCRIPTION "asynchronous networking in C++20 coroutines (development files)
portico gives connections, servers and clients as coroutines, with deadlines,
cancellation, limits and error reports already in place. This package has the
static library, its headers, its CMake package and its pkg-config files.")

set(CPACK_DEBIAN_PORTICO_TOOLS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PORTICO_TOOLS_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PORTICO_TOOLS_DESCRIPTION "server that sends a line, and download of URLs
welcome_server sends a line to everyone who connects to it; a systemd socket
and service come with it, which are not enabled. http_get downloads a URL to a
file, which appears under its name only when it is whole.")

include(CPack)
