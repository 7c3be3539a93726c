# SPDX-License-Identifier: Apache-2.0
# Warnings of our own targets; they are errors.
add_library(barevip_warnings INTERFACE)
target_compile_options(barevip_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror
  # False alarms of g++ 12: on operator+ of std::string (GCC bug 105651), on the destructor of a
  # moved-from tl::expected.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-free-nonheap-object>)
