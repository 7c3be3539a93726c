// SPDX-License-Identifier: Apache-2.0
#include "common/base/heap.h"

#include <malloc.h>

namespace barevip {

void shareOneHeap() { mallopt(M_ARENA_MAX, 1); }

void returnFreeMemory() { malloc_trim(0); }

}  // namespace barevip
