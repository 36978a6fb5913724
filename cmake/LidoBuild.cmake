# How Lido's own targets are compiled: the language, the warnings, the sanitizers.

# Packages found here are used by whoever links Lido, also from an outer folder.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
  endif()
  if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(LIDO_CCACHE ccache)
    if(LIDO_CCACHE)
      set(CMAKE_CXX_COMPILER_LAUNCHER "${LIDO_CCACHE}")
    endif()
  endif()
endif()

if(LIDO_SANITIZE)
  add_compile_options("-fsanitize=${LIDO_SANITIZE}" -fno-omit-frame-pointer)
  add_link_options("-fsanitize=${LIDO_SANITIZE}")
  if(LIDO_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(LIDO_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "The fuzz targets need clang++ (libFuzzer); use the preset fuzz.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

set(lido_warnings
    -Wall
    -Wextra
    # {.slot = 3} leaves the other members at their defaults; that is what designated initialisers are for.
    -Wno-missing-field-initializers
    -Wpedantic
    -Wshadow
    -Wconversion
    -Wsign-conversion
    # Of GCC 12 these are false alarms: about std::variant and std::optional once they are inlined, and about a literal
    # plus a std::string (https://gcc.gnu.org/PR105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    -Wnon-virtual-dtor
    -Wold-style-cast
    -Woverloaded-virtual)

# Settings that every target of Lido has. None of them reaches those who link it but the language level.
function(lido_compile target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_STANDARD 20)
  if(LIDO_WARNINGS)
    target_compile_options(${target} PRIVATE ${lido_warnings})
  endif()
  if(LIDO_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# find_package for a string such as "OpenSSL 3". It is a string so that the same words can stand in lidoConfig.cmake.
function(lido_find_package words)
  separate_arguments(arguments UNIX_COMMAND "${words}")
  find_package(${arguments} REQUIRED)
endfunction()
