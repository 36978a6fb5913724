target_include_directories(bench_versus_sqlite PRIVATE "${CMAKE_CURRENT_LIST_DIR}/..")
# The other side is SQLite's C interface itself.
find_package(SQLite3 REQUIRED)
target_link_libraries(bench_versus_sqlite PRIVATE SQLite::SQLite3 fmt::fmt)
