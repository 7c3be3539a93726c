// SPDX-License-Identifier: Apache-2.0
// Credentials from a plugin, as client-go gets them:
// https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "barevip/base/clock.h"

#include "common/base/command.h"
#include "common/kube/credentials.h"
#include "common/kube/exec_plugin.h"

namespace barevip::kube {

/// Runs the plugin when a credential is first asked for, and again once it has expired or was
/// refused; never twice at a time, and on a thread of its own: a request that has no time left goes
/// without, and the next one finds what the plugin gave meanwhile. Without a shell, and killed
/// after 60 s, or after 5 min if it may ask a person. What it writes to stderr goes to ours.
class ExecCredentials final : public CredentialSource {
 public:
  struct Surroundings {
    std::vector<std::string> environment;  ///< "NAME=VALUE"
    bool terminal = false;                 ///< whether stdin is one
  };

  /// The runner and the clock must outlive this.
  ExecCredentials(ExecPlugin plugin, CommandRunner& runner, const Clock& clock,
                  Surroundings surroundings);

  Result<std::shared_ptr<const Credential>> current(
      std::stop_token stop, std::optional<std::chrono::milliseconds> patience) override;
  void refuse(const std::shared_ptr<const Credential>& credential) override;

 private:
  struct Cached {
    std::shared_ptr<const Credential> credential;
    std::optional<WallTime> end;
  };

  /// Of the plugin. Whoever waits for it has it until he has read the result.
  struct Run {
    std::optional<Result<std::shared_ptr<const Credential>>> result;  ///< nullopt: not yet
  };

  void begin();
  [[nodiscard]] Result<Command> command() const;
  [[nodiscard]] Result<Cached> run(const std::stop_token& stop) const;
  [[nodiscard]] Result<Cached> read(const std::string& output) const;
  [[nodiscard]] tl::unexpected<Error> failed(const std::string& rest) const;

  const ExecPlugin plugin_;
  CommandRunner& runner_;
  const Clock& clock_;
  const Surroundings surroundings_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::shared_ptr<Run> run_;  ///< null: the plugin does not run
  Cached cached_;
  std::jthread thread_;  ///< last: it uses all the rest
};

/// With this process's programs, clock, environment and stdin.
[[nodiscard]] std::unique_ptr<CredentialSource> systemExecCredentials(ExecPlugin plugin);

}  // namespace barevip::kube
