# The other side is SQLite's C interface itself.
find_package(SQLite3 REQUIRED)
target_link_libraries(bench_versus_sqlite PRIVATE SQLite::SQLite3 fmt::fmt)
