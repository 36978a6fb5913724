# The examples, examples/NN_name.cpp: one program each, and with tests one run each.
file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.cpp")
foreach(source IN LISTS example_sources)
  get_filename_component(name "${source}" NAME_WE)
  add_executable(example_${name} "${source}")
  lido_compile(example_${name})
  target_link_libraries(example_${name} PRIVATE lido::lido)
  set_target_properties(
    example_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples" OUTPUT_NAME ${name})
  if(LIDO_BUILD_TESTS)
    add_test(NAME example.${name} COMMAND example_${name})
    set_tests_properties(example.${name} PROPERTIES LABELS example TIMEOUT 60)
  endif()
endforeach()
