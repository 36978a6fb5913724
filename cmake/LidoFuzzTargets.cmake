# What the fuzz targets, fuzz/<name>.cpp, are made of. They are built twice: as libFuzzer programs (LidoFuzzers.cmake), and by
# the ordinary compiler into the test that replays known inputs (LidoReplay.cmake).
file(GLOB lido_fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/fuzz/*.cpp")

find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS json)
foreach(package IN ITEMS Libpq SQLite3 Nghttp2 OpenSSL)
  find_package(${package} REQUIRED)
endforeach()
# Another parser, to compare with; Boost.Beast, the third one, is headers only.
find_path(LIDO_HTTP_PARSER_INCLUDE http_parser.h REQUIRED)
find_library(LIDO_HTTP_PARSER http_parser REQUIRED)
mark_as_advanced(LIDO_HTTP_PARSER_INCLUDE LIDO_HTTP_PARSER)

# Of the SQL layer only what decides without a database, unless all of it is built anyway: the drivers take longer to
# compile than all that is fuzzed. A part that was renamed is missed by every preset, not only when something is fuzzed.
set(lido_fuzz_sql_parts
    array_literal database_url error keyword pool_settings receive_buffer remedy rows value postgres/connect_parameters
    postgres/message_body postgres/message_reader postgres/row_decoding postgres/server_error postgres/statement_kind
    postgres/text_parameters mysql/answer_order mysql/answer_packets mysql/gtids mysql/packet_reader
    mysql/place mysql/result_shape mysql/row_decoding replication_state sqlite/keyword sqlite/pool_settings)
list(TRANSFORM lido_fuzz_sql_parts PREPEND "${PROJECT_SOURCE_DIR}/src/sql/")
list(TRANSFORM lido_fuzz_sql_parts APPEND ".cpp")
foreach(part IN LISTS lido_fuzz_sql_parts)
  if(NOT EXISTS "${part}")
    message(FATAL_ERROR "lido_fuzz_sql_parts in cmake/LidoFuzzTargets.cmake names ${part}, which there is not")
  endif()
endforeach()
if(LIDO_BUILD_FUZZERS)
  add_library(lido_fuzz_sql STATIC EXCLUDE_FROM_ALL ${lido_fuzz_sql_parts})
  lido_compile(lido_fuzz_sql)
  target_link_libraries(
    lido_fuzz_sql PUBLIC lido::upstream lido::pool lido::resilience lido::net lido::base OpenSSL::Crypto)
  set(lido_fuzz_sql_interface PUBLIC)
else()
  add_library(lido_fuzz_sql INTERFACE)
  target_link_libraries(lido_fuzz_sql INTERFACE lido::sql)
  set(lido_fuzz_sql_interface INTERFACE)
endif()
target_include_directories(lido_fuzz_sql ${lido_fuzz_sql_interface} "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(lido_fuzz_sql ${lido_fuzz_sql_interface} libpq::libpq SQLite::SQLite3)

# lido_fuzz_needs(<target> <name>): gives it what the fuzz target of that name is built from beside its own source. No more
# than that: a target that only reads HTTP does not wait for the databases.
function(lido_fuzz_needs target name)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/fuzz" "${PROJECT_SOURCE_DIR}/src")
  if(name MATCHES "^(database_url|mysql_answers|postgres_messages|sql_values|sqlite_statement)$")
    target_link_libraries(${target} PRIVATE lido_fuzz_sql)
  elseif(name STREQUAL "sql_output")
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cli")
    target_link_libraries(${target} PRIVATE lido_fuzz_sql Boost::json)
    foreach(part IN ITEMS sql/result_text printable console output)
      target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cli/${part}.cpp")
    endforeach()
  elseif(name STREQUAL "http1_differential")
    target_include_directories(${target} SYSTEM PRIVATE "${LIDO_HTTP_PARSER_INCLUDE}")
    target_link_libraries(${target} PRIVATE lido::http "${LIDO_HTTP_PARSER}")
    target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/fuzz/support/http1_differences.cpp"
                                     "${PROJECT_SOURCE_DIR}/fuzz/support/http1_readings.cpp")
  else()
    target_link_libraries(${target} PRIVATE lido::http nghttp2::nghttp2)
  endif()
endfunction()
