// SPDX-License-Identifier: Apache-2.0
#include "common/base/heap.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

namespace barevip {
namespace {

TEST(ReturnFreeMemory, MayBeCalledByManyThreadsAtATime) {
  constexpr int kThreads = 16;
  std::latch together(kThreads);
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      together.arrive_and_wait();
      returnFreeMemory();
    });
  }
}

}  // namespace
}  // namespace barevip
