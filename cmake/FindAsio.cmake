# FindAsio: standalone Asio, which ships no CMake package. Defines the target Asio::Asio, with the macros that every
# file of one program must agree on, and Asio_VERSION.
find_path(Asio_INCLUDE_DIR asio/version.hpp)
mark_as_advanced(Asio_INCLUDE_DIR)

if(Asio_INCLUDE_DIR)
    file(STRINGS ${Asio_INCLUDE_DIR}/asio/version.hpp line REGEX "^#define ASIO_VERSION [0-9]+")
    string(REGEX MATCH "[0-9]+" number "${line}")
    math(EXPR major "${number} / 100000")
    math(EXPR minor "${number} / 100 % 1000")
    math(EXPR patch "${number} % 100")
    set(Asio_VERSION ${major}.${minor}.${patch})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio REQUIRED_VARS Asio_INCLUDE_DIR VERSION_VAR Asio_VERSION)

if(Asio_FOUND AND NOT TARGET Asio::Asio)
    find_package(Threads REQUIRED)
    add_library(Asio::Asio INTERFACE IMPORTED)
    target_include_directories(Asio::Asio SYSTEM INTERFACE ${Asio_INCLUDE_DIR})
    target_link_libraries(Asio::Asio INTERFACE Threads::Threads)
    # The last one because Asio finds it out only where a file includes something of libstdc++ before Asio.
    target_compile_definitions(Asio::Asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_HAS_STD_ALIGNED_ALLOC)
    if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
        # Asio 1.22.1 turns coroutines off under clang with libstdc++ unless it is told that they are there.
        target_compile_definitions(Asio::Asio INTERFACE ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE)
    endif()
    get_directory_property(options COMPILE_OPTIONS)
    if("${CMAKE_CXX_FLAGS};${options}" MATCHES "-fsanitize=[a-z,-]*thread")
        # TSan does not understand fences, and GCC refuses them under it.
        target_compile_definitions(Asio::Asio INTERFACE ASIO_DISABLE_FENCED_BLOCK)
    endif()
endif()
