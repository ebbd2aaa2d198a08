# What is installed, and how programs find it: the CMake package and pkg-config's files. All of it may be moved.
include(CMakePackageConfigHelpers)

set(cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/portico)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set_target_properties(portico_asio PROPERTIES EXPORT_NAME asio)
set(targets portico portico_asio)
foreach(component tls http)
    if(TARGET portico_${component})
        set_target_properties(portico_${component} PROPERTIES
            EXPORT_NAME ${component} INSTALL_RPATH "$ORIGIN") # where libportico.so is
        list(APPEND targets portico_${component})
    endif()
endforeach()
foreach(target IN LISTS targets)
    string(REPLACE _ - export ${target}-targets)
    install(TARGETS ${target} EXPORT ${export} COMPONENT portico_dev INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
    install(EXPORT ${export} NAMESPACE portico:: DESTINATION ${cmake_dir} COMPONENT portico_dev)
endforeach()
install(DIRECTORY include/portico TYPE INCLUDE COMPONENT portico_dev)
if(PORTICO_BUILD_APPS)
    if(BUILD_SHARED_LIBS)
        cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_BINDIR}
            OUTPUT_VARIABLE libraries)
        set_target_properties(welcome_server http_get PROPERTIES INSTALL_RPATH "$ORIGIN/${libraries}")
    endif()
    install(TARGETS welcome_server http_get COMPONENT portico_tools)
    install(FILES apps/welcome_server.service apps/welcome_server.socket DESTINATION lib/systemd/system
        COMPONENT portico_tools)
endif()

configure_package_config_file(cmake/portico-config.cmake.in portico-config.cmake INSTALL_DESTINATION ${cmake_dir}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(portico-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/portico-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/portico-config-version.cmake
    cmake/FindAsio.cmake cmake/http_libraries.cmake DESTINATION ${cmake_dir} COMPONENT portico_dev)

cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
    OUTPUT_VARIABLE prefix)
cmake_path(APPEND libdir "\${prefix}" ${CMAKE_INSTALL_LIBDIR})
cmake_path(APPEND includedir "\${prefix}" ${CMAKE_INSTALL_INCLUDEDIR})
get_target_property(asio_flags Asio::Asio INTERFACE_COMPILE_DEFINITIONS)
list(TRANSFORM asio_flags PREPEND -D)
if(NOT Asio_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    list(APPEND asio_flags -I${Asio_INCLUDE_DIR})
endif()
list(JOIN asio_flags " " asio_flags)
if(BUILD_SHARED_LIBS)
    set(asio_libs "-L\${libdir} -lportico-asio")
else()
    set(requires fmt) # not Requires.private: there is no shared library that a program could do with
    set(requires_tls openssl)
    set(requires_http "openssl zlib libbrotlidec libzstd libidn2 libpsl")
endif()
set(files portico.pc portico-asio.pc)
foreach(component tls http)
    if(TARGET portico_${component})
        list(APPEND files portico-${component}.pc)
    endif()
endforeach()
foreach(file IN LISTS files)
    configure_file(cmake/${file}.in ${file} @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file} DESTINATION ${pkgconfig_dir} COMPONENT portico_dev)
endforeach()
