# zstd; the names of the targets in its own CMake files depend on how it was built: Zstandard::zstd.
find_path(Zstandard_INCLUDE_DIR zstd.h)
find_library(Zstandard_LIBRARY zstd)
mark_as_advanced(Zstandard_INCLUDE_DIR Zstandard_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Zstandard REQUIRED_VARS Zstandard_LIBRARY Zstandard_INCLUDE_DIR)

if(Zstandard_FOUND AND NOT TARGET Zstandard::zstd)
  add_library(Zstandard::zstd UNKNOWN IMPORTED)
  set_target_properties(Zstandard::zstd PROPERTIES IMPORTED_LOCATION "${Zstandard_LIBRARY}"
                                                   INTERFACE_INCLUDE_DIRECTORIES "${Zstandard_INCLUDE_DIR}")
endif()
