# Installation: libraries, headers, the command, and what find_package(lido) needs.
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY LIDO_LAYERS)
set(lido_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/lido")

# Shared libraries, and the command that uses them, find each other wherever the whole is put.
foreach(layer IN LISTS layers)
  set_target_properties(${layer} PROPERTIES INSTALL_RPATH "$ORIGIN")
endforeach()
if(TARGET lido AND BUILD_SHARED_LIBS)
  file(RELATIVE_PATH bin_to_lib "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
  set_target_properties(lido PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
endif()

install(TARGETS ${layers} lido_all EXPORT lido
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(EXPORT lido NAMESPACE lido:: FILE lidoTargets.cmake DESTINATION "${lido_cmake_dir}")
if(TARGET lido)
  install(TARGETS lido RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(IS_DIRECTORY "${PROJECT_SOURCE_DIR}/include/lido")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/lido" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
          FILES_MATCHING PATTERN "*.hpp")
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

get_property(packages GLOBAL PROPERTY LIDO_PACKAGES)
list(REMOVE_DUPLICATES packages)
list(TRANSFORM packages REPLACE "(.+)" "find_dependency(\\1)")
list(JOIN packages "\n" LIDO_FIND_DEPENDENCIES)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/lidoConfig.cmake.in" "${PROJECT_BINARY_DIR}/lidoConfig.cmake"
                              INSTALL_DESTINATION "${lido_cmake_dir}")
# Until 1.0 a minor version may break what the one before promised.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/lidoConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/lidoConfig.cmake" "${PROJECT_BINARY_DIR}/lidoConfigVersion.cmake"
        DESTINATION "${lido_cmake_dir}")
# Finds the libraries that bring no CMake files along.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cmake/find" DESTINATION "${lido_cmake_dir}")
