# PostgreSQL's client library: libpq::libpq. CMake's own FindPostgreSQL looks for a server as well.
find_path(Libpq_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql)
find_library(Libpq_LIBRARY pq)
mark_as_advanced(Libpq_INCLUDE_DIR Libpq_LIBRARY)

if(Libpq_INCLUDE_DIR AND EXISTS "${Libpq_INCLUDE_DIR}/pg_config.h")
  file(STRINGS "${Libpq_INCLUDE_DIR}/pg_config.h" line REGEX "^#define PG_VERSION ")
  string(REGEX REPLACE ".*\"([0-9.]+).*\".*" "\\1" Libpq_VERSION "${line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Libpq REQUIRED_VARS Libpq_LIBRARY Libpq_INCLUDE_DIR VERSION_VAR Libpq_VERSION)

if(Libpq_FOUND AND NOT TARGET libpq::libpq)
  add_library(libpq::libpq UNKNOWN IMPORTED)
  set_target_properties(libpq::libpq PROPERTIES IMPORTED_LOCATION "${Libpq_LIBRARY}"
                                                INTERFACE_INCLUDE_DIRECTORIES "${Libpq_INCLUDE_DIR}")
endif()
