# libmariadb, which has no CMake files of its own in Debian 12: MariaDB::MariaDB.
find_path(MariaDB_INCLUDE_DIR mariadb/mysql.h)
find_library(MariaDB_LIBRARY mariadb)
mark_as_advanced(MariaDB_INCLUDE_DIR MariaDB_LIBRARY)

if(MariaDB_INCLUDE_DIR)
  file(STRINGS "${MariaDB_INCLUDE_DIR}/mariadb/mariadb_version.h" line REGEX "^#define MARIADB_PACKAGE_VERSION ")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" MariaDB_VERSION "${line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MariaDB REQUIRED_VARS MariaDB_LIBRARY MariaDB_INCLUDE_DIR VERSION_VAR MariaDB_VERSION)

if(MariaDB_FOUND AND NOT TARGET MariaDB::MariaDB)
  add_library(MariaDB::MariaDB UNKNOWN IMPORTED)
  set_target_properties(
    MariaDB::MariaDB PROPERTIES IMPORTED_LOCATION "${MariaDB_LIBRARY}"
                                INTERFACE_INCLUDE_DIRECTORIES "${MariaDB_INCLUDE_DIR};${MariaDB_INCLUDE_DIR}/mariadb")
endif()
