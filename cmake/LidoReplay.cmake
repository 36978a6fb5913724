# The fuzz targets as tests: all that is in fuzz/corpus/<name> and fuzz/crashes/<name> goes through each, by whatever
# compiler and sanitizer the tests are built with. One program, in which each target's function has a name of its own.
include(LidoFuzzTargets)
set(declarations)
set(entries)
add_executable(replay "${lido_tests}/replay/main.cpp" "${PROJECT_BINARY_DIR}/replay/targets.cpp")
foreach(source IN LISTS lido_fuzz_sources)
  get_filename_component(name "${source}" NAME_WE)
  add_library(replay_${name} OBJECT "${source}")
  lido_compile(replay_${name})
  target_compile_definitions(replay_${name} PRIVATE "LLVMFuzzerTestOneInput=replay_${name}")
  lido_fuzz_needs(replay_${name} ${name})
  target_link_libraries(replay PRIVATE replay_${name})
  string(APPEND declarations "int replay_${name}(const std::uint8_t* data, std::size_t size);\n")
  string(APPEND entries "    {\"${name}\", replay_${name}},\n")
  add_test(NAME replay.${name} COMMAND replay ${name} "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}"
                                       "${PROJECT_SOURCE_DIR}/fuzz/crashes/${name}")
  set_tests_properties(replay.${name} PROPERTIES LABELS replay TIMEOUT 120)
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/replay/targets.cpp" @ONLY CONTENT "#include \"replay/targets.hpp\"

extern \"C\" {
${declarations}}

namespace lido::replay {

const std::vector<target>& all_targets() {
    static const std::vector<target> all{
${entries}    };
    return all;
}

}  // namespace lido::replay
")
lido_compile(replay)
target_include_directories(replay PRIVATE "${lido_tests}")
set_target_properties(replay PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
