// SPDX-License-Identifier: Apache-2.0
#include "common/base/heap.h"

#include <malloc.h>

#include <mutex>

namespace barevip {

void shareOneHeap() { mallopt(M_ARENA_MAX, 1); }

void returnFreeMemory() {
  // The first call of anything of glibc's heap sets it up, which two threads cannot do at a time.
  // Elsewhere the first malloc of the program has done it; a sanitizer brings a malloc of its own.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  malloc_trim(0);
}

}  // namespace barevip
