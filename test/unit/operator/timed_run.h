// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <thread>
#include <type_traits>
#include <utility>

#include "fakes/manual_clock.h"

namespace barevip::controlplane::test {

/// Runs a command that waits on the clock, and moves the clock whenever the command and the timer
/// of its present bound (StopAt) both wait: time passes only where the command has nothing to do.
template <class Command>
auto runInTime(ManualClock& clock, Command command) {
  using namespace std::chrono_literals;
  std::invoke_result_t<Command> result;
  std::atomic<bool> done = false;
  const std::jthread running([&] {
    result = command();
    done = true;
  });
  while (!done) {
    // Several timers may wait while the command works.
    if (clock.isIdle(running.get_id()) && clock.idle() >= 2) {
      clock.advance(500ms);
    } else {
      std::this_thread::sleep_for(100us);
    }
  }
  return result;
}

}  // namespace barevip::controlplane::test
