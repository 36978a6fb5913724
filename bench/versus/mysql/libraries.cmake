target_include_directories(bench_versus_mysql PRIVATE "${CMAKE_CURRENT_LIST_DIR}/..")
find_package(MariaDB REQUIRED)
target_link_libraries(bench_versus_mysql PRIVATE MariaDB::MariaDB)
