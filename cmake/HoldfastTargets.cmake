# The three kinds of target of this project. Callers name sources and dependencies; precompiled headers,
# output folders and test registration follow from that.
include(GoogleTest)

# holdfast_library(NAME SRCS a.cc ... DEPS target ...): a static library; link targets enforce the layering.
function(holdfast_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  target_include_directories(${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  _holdfast_use_pch(${name} library "${ARG_DEPS}")
endfunction()

# holdfast_binary(NAME SRCS ... DEPS ...): a program in build/<preset>/bin. The target `programs` builds those that people run: their folders add
# them to it.
function(holdfast_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  _holdfast_use_pch(${name} library "${ARG_DEPS}")
endfunction()

# holdfast_test(NAME SRCS ... DEPS ... [LABELS ...] [TIMEOUT n] [WHOLE]): one GoogleTest program in
# build/<preset>/tests-bin. Each case is a CTest test of its own; with WHOLE the program is one CTest test
# (for cases that share an expensive fixture). The label `tsan-safe` is a promise that the test runs no gRPC:
# `./dev tsan` builds and runs just those. A label that nobody knows is an error: a test would be left out silently.
set(HOLDFAST_TEST_LABELS tsan-safe process sim style)
function(holdfast_test name)
  cmake_parse_arguments(ARG "WHOLE" "TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  foreach(label IN LISTS ARG_LABELS)
    if(NOT label IN_LIST HOLDFAST_TEST_LABELS)
      message(FATAL_ERROR "${name}: no label is called '${label}'; there are ${HOLDFAST_TEST_LABELS}")
    endif()
  endforeach()
  add_executable(${name} ${ARG_SRCS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests-bin")
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  _holdfast_use_pch(${name} test "${ARG_DEPS}")
  if("tsan-safe" IN_LIST ARG_LABELS)
    add_dependencies(tsan_safe_tests ${name})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(HOLDFAST_SANITIZE)  # five to ten times slower
    math(EXPR ARG_TIMEOUT "5 * ${ARG_TIMEOUT}")
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  else()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  endif()
endfunction()

add_custom_target(programs)
add_custom_target(tsan_safe_tests)

# _holdfast_use_pch(NAME library|test DEPS): gives the target one of the shared precompiled headers
# cmake/pch/{library,library_grpc,test,test_grpc}.h: a gRPC one if it links gRPC by name. Each header is
# compiled once. Sources still include all they need: HOLDFAST_PCH=OFF must build (the preset `tidy` does).
function(_holdfast_use_pch name kind deps)
  if(NOT HOLDFAST_PCH)
    return()
  endif()
  if("${name};${deps}" MATCHES "gRPC::|_grpc(;|$)|(^|;)holdfast_rpc(;|$)")
    set(kind ${kind}_grpc)
  endif()
  target_precompile_headers(${name} REUSE_FROM holdfast_pch_${kind})
endfunction()

if(HOLDFAST_PCH)
  foreach(kind library library_grpc test test_grpc)
    add_library(holdfast_pch_${kind} OBJECT EXCLUDE_FROM_ALL cmake/pch/empty.cc)
    target_include_directories(holdfast_pch_${kind} PRIVATE "${CMAKE_SOURCE_DIR}")
    target_precompile_headers(holdfast_pch_${kind} PRIVATE cmake/pch/${kind}.h)
  endforeach()
  # For their definitions: GCC refuses a header that was compiled under other ones.
  foreach(kind library_grpc test_grpc)
    target_link_libraries(holdfast_pch_${kind} PRIVATE gRPC::grpc++)
  endforeach()
  foreach(kind test test_grpc)
    target_link_libraries(holdfast_pch_${kind} PRIVATE GTest::gmock)
  endforeach()
endif()
