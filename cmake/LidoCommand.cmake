# The command: the executable build/<preset>/lido from cli/.
file(GLOB_RECURSE command_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cli/*.cpp")
if(NOT command_sources)
  return()
endif()

lido_find_package("CLI11 2")
lido_find_package("Boost 1.81 CONFIG COMPONENTS json")

add_executable(lido ${command_sources})
lido_compile(lido)
target_include_directories(lido PRIVATE "${PROJECT_SOURCE_DIR}/cli")
target_compile_definitions(lido PRIVATE "LIDO_VERSION=\"${PROJECT_VERSION}\"")
target_link_libraries(lido PRIVATE lido::lido CLI11::CLI11 fmt::fmt Boost::json)
set_target_properties(lido PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
