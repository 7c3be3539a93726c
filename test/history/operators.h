// SPDX-License-Identifier: Apache-2.0
// Processes of barevip-operator that a history starts and kills.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::history {

/// Children of this process; they die with it. Not thread-safe.
class Operators {
 public:
  struct Options {
    std::string program;
    std::string kubeconfig;
    std::string log;           ///< file that their output is appended to
    std::size_t replicas = 1;  ///< more than one: by leader election
  };
  explicit Operators(Options options);
  ~Operators();
  Operators(const Operators&) = delete;
  Operators& operator=(const Operators&) = delete;

  /// Starts those that do not run.
  Result<void> start();
  /// Kills them as a power loss does.
  void killAll();
  /// Ends the one that leads, by SIGKILL, or politely by SIGTERM; waits until it is gone.
  void endLeader(kube::Api& api, int signal);
  /// Those that ended without being told to: none should.
  [[nodiscard]] std::size_t crashed();

 private:
  Result<pid_t> launch(const std::string& identity) const;
  [[nodiscard]] std::size_t leader(kube::Api& api) const;
  void end(std::size_t number, int signal);

  const Options options_;
  std::vector<pid_t> processes_;  ///< 0: does not run
};

}  // namespace barevip::history
