# SPDX-License-Identifier: Apache-2.0
# Warnings of our own targets; they are errors.
add_library(barevip_warnings INTERFACE)
target_compile_options(barevip_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
