# lido_add_layer(<name> [LAYERS <layer>...] [PACKAGES "<arguments of find_package>"...] [PUBLIC <target>...] [PRIVATE <target>...])
#
# Makes the library lido_<name>, known as lido::<name>, from src/<name>/**/*.cpp and include/lido/<name>. Without sources it
# is header-only; without both folders it is skipped, and so are absent layers in LAYERS and the PACKAGES.
function(lido_add_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "LAYERS;PACKAGES;PUBLIC;PRIVATE")
  set(target lido_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/lido/${name}/*.hpp")
  if(NOT sources AND NOT headers)
    return()
  endif()

  foreach(words IN LISTS layer_PACKAGES)
    lido_find_package("${words}")
    set_property(GLOBAL APPEND PROPERTY LIDO_PACKAGES "${words}")
  endforeach()

  if(sources)
    add_library(${target} ${sources})
    set(interface PUBLIC)
    lido_compile(${target})
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${target} PRIVATE ${layer_PRIVATE})
    set_target_properties(
      ${target} PROPERTIES
      POSITION_INDEPENDENT_CODE ON
      VERSION ${PROJECT_VERSION}
      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  else()
    add_library(${target} INTERFACE)
    set(interface INTERFACE)
    target_compile_features(${target} INTERFACE cxx_std_20)
  endif()
  add_library(lido::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})

  target_include_directories(
    ${target} ${interface} "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} ${interface} ${layer_PUBLIC})
  foreach(below IN LISTS layer_LAYERS)
    if(TARGET lido_${below})
      target_link_libraries(${target} ${interface} lido_${below})
    endif()
  endforeach()

  set_property(GLOBAL APPEND PROPERTY LIDO_LAYERS ${target})
endfunction()

# lido::lido: every layer there is.
function(lido_add_umbrella)
  get_property(layers GLOBAL PROPERTY LIDO_LAYERS)
  add_library(lido_all INTERFACE)
  add_library(lido::lido ALIAS lido_all)
  set_target_properties(lido_all PROPERTIES EXPORT_NAME lido)
  target_compile_features(lido_all INTERFACE cxx_std_20)
  target_include_directories(
    lido_all INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
                       "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  # Top layers first: a linker reads static libraries once, from left to right.
  list(REVERSE layers)
  target_link_libraries(lido_all INTERFACE ${layers})
endfunction()
