# SPDX-License-Identifier: Apache-2.0

# barevip_library(NAME [SOURCES ...] [COLD_SOURCES ...] [DEPENDS ...] [PRIVATE_DEPENDS ...])
# One static library of one folder. DEPENDS are seen by its users, PRIVATE_DEPENDS (third parties) are not.
# COLD_SOURCES run once, at the start or for a person: a release compiles them for size, for small images.
function(barevip_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;COLD_SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES} ${ARG_COLD_SOURCES})
  set_source_files_properties(${ARG_COLD_SOURCES} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC tl::expected Threads::Threads ${ARG_DEPENDS}
                                PRIVATE barevip_warnings ${ARG_PRIVATE_DEPENDS})
endfunction()

# barevip_program(NAME SOURCES ... DEPENDS ...)
function(barevip_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_link_libraries(${name} PRIVATE barevip_warnings ${ARG_DEPENDS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# barevip_test(NAME LAYER unit|wire|kernel|history SOURCES ... DEPENDS ...)
# A GoogleTest program; ctest label = layer, so that test/run can run one layer. The target
# unit_and_wire_tests builds those that need nothing special to run.
add_custom_target(unit_and_wire_tests)
function(barevip_test name)
  cmake_parse_arguments(ARG "" "LAYER" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/test)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
  target_link_libraries(${name} PRIVATE barevip_warnings ${ARG_DEPENDS} GTest::gtest_main GTest::gmock)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LAYER} TIMEOUT 300)
  if(ARG_LAYER MATCHES "^(unit|wire)$")
    add_dependencies(unit_and_wire_tests ${name})
  endif()
endfunction()
