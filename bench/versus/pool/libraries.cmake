# SOCI's pool is compared where Debian's libsoci-dev is installed.
find_library(LIDO_SOCI soci_core)
find_path(LIDO_SOCI_INCLUDE soci/soci.h)
if(LIDO_SOCI AND LIDO_SOCI_INCLUDE)
  target_link_libraries(bench_versus_pool PRIVATE "${LIDO_SOCI}")
  target_include_directories(bench_versus_pool SYSTEM PRIVATE "${LIDO_SOCI_INCLUDE}")
  target_compile_definitions(bench_versus_pool PRIVATE LIDO_BENCH_SOCI)
endif()
target_link_libraries(bench_versus_pool PRIVATE fmt::fmt)
