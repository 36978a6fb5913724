# The load of Lido is that of the comparison with wrk; libcurl's is here, where its headers are.
add_dependencies(bench_versus_clients bench_versus_http1)
find_path(LIDO_CURL curl/curl.h)
if(LIDO_CURL)
  target_compile_definitions(bench_versus_clients PRIVATE LIDO_BENCH_CURL)
  target_link_libraries(bench_versus_clients PRIVATE curl)
endif()
