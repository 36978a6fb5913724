# The command: the executable build/<preset>/lido from cli/main.cpp; all the rest of cli/ is a library, so that unit tests
# reach it (tests/unit/cli).
file(GLOB_RECURSE command_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/*.cpp")
list(REMOVE_ITEM command_sources "${PROJECT_SOURCE_DIR}/cli/main.cpp")
if(NOT command_sources)
  return()
endif()

lido_find_package("CLI11 2")
lido_find_package("Boost 1.81 CONFIG COMPONENTS json")

add_library(lido_cli STATIC ${command_sources})
lido_compile(lido_cli)
target_include_directories(lido_cli PUBLIC "${PROJECT_SOURCE_DIR}/cli")
target_compile_definitions(lido_cli PRIVATE "LIDO_VERSION=\"${PROJECT_VERSION}\"")
target_link_libraries(lido_cli PUBLIC lido::lido fmt::fmt PRIVATE CLI11::CLI11 Boost::json)

add_executable(lido "${PROJECT_SOURCE_DIR}/cli/main.cpp")
lido_compile(lido)
target_link_libraries(lido PRIVATE lido_cli)
set_target_properties(lido PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
