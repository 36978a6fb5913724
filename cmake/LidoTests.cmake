# The tests. One program per folder, one ctest per test, a label per kind:
#   tests/unit/<layer>          unit          no network, no real clock
#   tests/sim                   sim           the ledger in a made-up world, by seed
#   tests/integration/<name>    integration   real servers, started by the tests
#   tests/faults                faults        a network that cuts, stalls and garbles
#   tests/threads               threads       many threads, meant for ThreadSanitizer as well
#   tests/replay               replay        known inputs through every fuzz target
#   tests/cli, tests/house, tests/package     Python programs on the command, the tree and the installed package
find_package(GTest REQUIRED)
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
include(GoogleTest)

set(lido_tests "${PROJECT_SOURCE_DIR}/tests")

# A quarter of the time that a test takes to compile goes into what a debugger would say of its variables. A trace of calls
# with their lines does without; the library itself keeps all of it.
function(lido_compile_test target)
  lido_compile(${target})
  if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_CXX_FLAGS_DEBUG MATCHES "-g( |$)")
    target_compile_options(${target} PRIVATE -g1)
  endif()
endfunction()

file(GLOB_RECURSE support_sources CONFIGURE_DEPENDS "${lido_tests}/support/*.cpp")
if(support_sources)
  add_library(lido_test_support STATIC ${support_sources})
  set(support_interface PUBLIC)
  lido_compile_test(lido_test_support)
else()
  add_library(lido_test_support INTERFACE)
  set(support_interface INTERFACE)
endif()
target_include_directories(lido_test_support ${support_interface} "${lido_tests}" "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(
  lido_test_support ${support_interface} "LIDO_TEST_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\""
  "LIDO_TEST_COMMAND=\"${PROJECT_BINARY_DIR}/lido\"")
target_link_libraries(lido_test_support ${support_interface} lido::lido GTest::gmock)
foreach(package IN ITEMS OpenSSL Libpq SQLite3)
  find_package(${package} QUIET)
endforeach()
if(TARGET OpenSSL::SSL)
  # Test servers speak TLS, and make their certificates themselves.
  target_link_libraries(lido_test_support ${support_interface} OpenSSL::SSL OpenSSL::Crypto)
endif()
if(TARGET libpq::libpq)
  # What tests ask a server themselves, and unit tests of what reads libpq's results.
  target_link_libraries(lido_test_support ${support_interface} libpq::libpq)
endif()
if(TARGET SQLite::SQLite3)
  # Tests look into databases themselves, beside the pools.
  target_link_libraries(lido_test_support ${support_interface} SQLite::SQLite3)
endif()

# What compresses for tests of what decompresses; the encoder of brotli is a library of its own.
find_library(lido_brotli_encoder brotlienc REQUIRED)
mark_as_advanced(lido_brotli_encoder)
target_link_libraries(lido_test_support ${support_interface} ZLIB::ZLIB Zstandard::zstd "${lido_brotli_encoder}")

# Tests that start servers do it one after another: they measure times, and more of them at once than cores would wait for
# each other. Databases have a lock of their own, so that there is something to do for two cores, and ports of their own
# (tests/support/free_port.hpp).
#
# ctest starts what costs most first. By itself it knows that only from an earlier run, and even then not that what must run
# one after another had better begin at once: so first the long ones, then those that share a lock, then the programs in
# Python that compile, then the rest, which fills what gaps there are.
set(lido_cost_of_long 30)
set(lido_cost_of_locked 20)
set(lido_cost_of_compiling 10)

# lido_add_tests(<program> <folder> LABEL <label> [TIMEOUT <seconds>] [LOCK <resource>...] [BY_FILE])
#
# BY_FILE: one ctest for all tests of a source, instead of one for each: for tests that share a server which takes seconds to
# start.
function(lido_add_tests program folder)
  cmake_parse_arguments(PARSE_ARGV 2 tests "BY_FILE" "LABEL;TIMEOUT" "LOCK")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(${program} ${sources})
  lido_compile_test(${program})
  target_link_libraries(${program} PRIVATE lido_test_support GTest::gmock_main)
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  set(properties LABELS ${tests_LABEL} TIMEOUT ${tests_TIMEOUT})
  if(tests_LOCK)
    # As one word, since more than one would be read as further properties.
    string(REPLACE ";" "\\;" locks "${tests_LOCK}")
    list(APPEND properties RESOURCE_LOCK "${locks}")
  endif()
  if(tests_BY_FILE)
    list(APPEND properties COST ${lido_cost_of_long})
    list(FILTER sources INCLUDE REGEX "_test\\.cpp$")
    foreach(source IN LISTS sources)
      get_filename_component(name "${source}" NAME_WE)
      string(REGEX REPLACE "_test$" "" name "${name}")
      file(STRINGS "${source}" heads REGEX "^TEST(_F|_P)?\\(")
      list(TRANSFORM heads REPLACE "^TEST(_F|_P)?\\( *([A-Za-z0-9_]+).*" "\\2.*:*/\\2.*")
      list(REMOVE_DUPLICATES heads)
      list(JOIN heads ":" filter)
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
      add_test(NAME ${program}.${name} COMMAND ${program} "--gtest_filter=${filter}")
      # A filter that fits nothing is no success.
      set_tests_properties(${program}.${name} PROPERTIES ${properties} FAIL_REGULAR_EXPRESSION "0 tests from 0 test suites")
    endforeach()
    return()
  endif()
  if(tests_LOCK)
    list(APPEND properties COST ${lido_cost_of_locked})
  endif()
  gtest_discover_tests(
    ${program}
    TEST_PREFIX "${program}."
    # Names that are the same each time: the raw bytes of a parameter hold addresses.
    NO_PRETTY_VALUES
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    PROPERTIES ${properties})
endfunction()

# lido_folders(<variable> <folder>): the names of the folders in it.
function(lido_folders variable folder)
  file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES true RELATIVE "${folder}" "${folder}/*")
  set(names)
  foreach(entry IN LISTS entries)
    if(IS_DIRECTORY "${folder}/${entry}")
      list(APPEND names ${entry})
    endif()
  endforeach()
  set(${variable} ${names} PARENT_SCOPE)
endfunction()

lido_folders(unit_folders "${lido_tests}/unit")
if(NOT TARGET lido_cli)
  list(REMOVE_ITEM unit_folders cli)
endif()
foreach(name IN LISTS unit_folders)
  lido_add_tests(unit_${name} "${lido_tests}/unit/${name}" LABEL unit TIMEOUT 60)
endforeach()
if(TARGET unit_cli)
  target_link_libraries(unit_cli PRIVATE lido_cli)
endif()
lido_folders(integration_folders "${lido_tests}/integration")
if(NOT TARGET lido)
  list(REMOVE_ITEM integration_folders command)
endif()
foreach(name IN LISTS integration_folders)
  set(how TIMEOUT 120 LOCK servers)
  if(name MATCHES "^sql_")
    set(how TIMEOUT 300 BY_FILE LOCK databases)
  elseif(name STREQUAL "command")
    set(how TIMEOUT 300 BY_FILE LOCK servers databases)
  elseif(name STREQUAL "peers")
    set(how TIMEOUT 300 BY_FILE LOCK servers)
  endif()
  lido_add_tests(integration_${name} "${lido_tests}/integration/${name}" LABEL integration ${how})
endforeach()
lido_add_tests(faults "${lido_tests}/faults" LABEL faults TIMEOUT 120 LOCK servers)
lido_add_tests(threads "${lido_tests}/threads" LABEL threads TIMEOUT 180)
lido_add_tests(sim "${lido_tests}/sim" LABEL sim TIMEOUT 180)
# The same as a program, for as long as one likes: ./dev sim. It needs no more of Lido than the pool.
file(GLOB simulator_sources CONFIGURE_DEPENDS "${lido_tests}/sim/*.cpp" "${lido_tests}/sim_program/*.cpp")
list(FILTER simulator_sources EXCLUDE REGEX "_test\\.cpp$")
add_executable(lido-sim EXCLUDE_FROM_ALL ${simulator_sources})
lido_compile(lido-sim)
target_include_directories(lido-sim PRIVATE "${lido_tests}" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(lido-sim PRIVATE lido::pool lido::base)
set_target_properties(lido-sim PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")

include(LidoReplay)

set(lido_test_environment
    "LIDO_COMMAND=${PROJECT_BINARY_DIR}/lido"
    "LIDO_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
    "LIDO_BINARY_DIR=${PROJECT_BINARY_DIR}"
    "LIDO_CXX=${CMAKE_CXX_COMPILER}"
    "LIDO_CXX_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
    "LIDO_CMAKE=${CMAKE_COMMAND}"
    "LIDO_SANITIZE=${LIDO_SANITIZE}")

# lido_add_python_test(<name> <file> LABEL <label> [TIMEOUT <seconds>] [LOCK <resource>])
function(lido_add_python_test name file)
  cmake_parse_arguments(PARSE_ARGV 2 test "" "LABEL;TIMEOUT;LOCK" "")
  add_test(NAME ${name} COMMAND Python3::Interpreter -B "${file}" WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(
    ${name} PROPERTIES
    LABELS ${test_LABEL}
    TIMEOUT ${test_TIMEOUT}
    ENVIRONMENT "${lido_test_environment}")
  if(test_LOCK)
    set_tests_properties(${name} PROPERTIES RESOURCE_LOCK ${test_LOCK} COST ${lido_cost_of_long})
  elseif(test_LABEL MATCHES "^(house|package)$")
    set_tests_properties(${name} PROPERTIES COST ${lido_cost_of_compiling})
  endif()
endfunction()

function(lido_add_python_tests folder label timeout)
  file(GLOB files CONFIGURE_DEPENDS "${folder}/*_test.py")
  foreach(file IN LISTS files)
    get_filename_component(name "${file}" NAME_WE)
    lido_add_python_test(${label}.${name} "${file}" LABEL ${label} TIMEOUT ${timeout} ${ARGN})
  endforeach()
endfunction()

if(TARGET lido)
  lido_add_python_tests("${lido_tests}/cli" cli 120 LOCK servers)
endif()
lido_add_python_tests("${lido_tests}/house" house 300)
if(NOT LIDO_SANITIZE)
  lido_add_python_tests("${lido_tests}/package" package 1200)
endif()

# Every public header compiles alone: one file per header that includes it twice and nothing else. That is the same with
# every compiler, so the ordinary one does it.
file(GLOB_RECURSE public_headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/include"
     "${PROJECT_SOURCE_DIR}/include/lido/*.hpp")
set(lone_sources)
foreach(header IN LISTS public_headers)
  string(REPLACE ".hpp" ".cpp" source "${PROJECT_BINARY_DIR}/lone_headers/${header}")
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include \"${header}\"\n#include \"${header}\"\n" @ONLY)
  list(APPEND lone_sources "${source}")
endforeach()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(lone_sources)
endif()
# And all of them together, for clang-tidy: templates that no source of Lido uses are in no other file.
set(all_headers "${public_headers}")
list(FILTER all_headers EXCLUDE REGEX "^lido/asio\\.hpp$")
list(TRANSFORM all_headers REPLACE "(.+)" "#include \"\\1\"")
list(JOIN all_headers "\n" all_headers)
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/all_headers.cpp" CONTENT "${all_headers}\n" @ONLY)
if(public_headers)
  add_library(lone_headers OBJECT ${lone_sources} "${PROJECT_BINARY_DIR}/all_headers.cpp")
  lido_compile(lone_headers)
  # Only whether they compile is asked.
  target_compile_options(lone_headers PRIVATE -O0 -g0)
  target_link_libraries(lone_headers PRIVATE lido::lido)
endif()
