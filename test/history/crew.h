// SPDX-License-Identifier: Apache-2.0
// Several jobs under way, one of which runs at a time: the same decisions give the same order.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace barevip::history {

/// Workers with a thread each, of which none runs but in start() and resume(). Not thread-safe;
/// no job is under way when it is destroyed.
class Crew {
 public:
  using Job = std::function<void()>;

  /// A worker that has nothing to do, of the first `most`; a new one if need be. nullptr: all have.
  class Worker;
  [[nodiscard]] Worker* idle(std::size_t most);
  /// nullptr: that worker is idle or not there.
  [[nodiscard]] Worker* busy(std::size_t number);
  [[nodiscard]] bool anyBusy() const;

  /// Both return when the job pauses or is done.
  static void start(Worker& worker, Job job);
  static void resume(Worker& worker);
  /// Does the jobs to their ends, one after the other.
  void finish();

  /// Within a job: whoever started or resumed it goes on. Elsewhere nothing.
  static void pause();

  Crew();
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace barevip::history
