# SPDX-License-Identifier: Apache-2.0
# Debian's cross compiler for 64-bit ARM, against the packages that deploy/images/sysroot.sh unpacked
# (test/setup --arm64 does both).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++-12)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

if(DEFINED ENV{BAREVIP_CACHE})
  set(CMAKE_SYSROOT $ENV{BAREVIP_CACHE}/sysroot-arm64)
else()
  set(CMAKE_SYSROOT $ENV{HOME}/.cache/barevip/sysroot-arm64)
endif()
if(NOT EXISTS ${CMAKE_SYSROOT}/complete)
  message(FATAL_ERROR "There is no ${CMAKE_SYSROOT}: run test/setup --arm64, which makes it")
endif()

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
