// SPDX-License-Identifier: Apache-2.0
// The balancer namespace: making it last, and a thread that lives in it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "barevip/base/result.h"

#include "common/base/command.h"
#include "common/base/file_descriptor.h"

namespace barevip::host {

/// Whether a namespace is mounted at the path, as `ip netns` does it: a bind mount of nsfs. False
/// for a plain file, which a reboot or a mount that did not reach us leaves behind.
[[nodiscard]] bool isNamespace(const std::string& path);

/// Opens the namespace at the path. The error distinguishes a missing file from one that is not a
/// namespace.
[[nodiscard]] Result<FileDescriptor> openNamespace(const std::string& path);

enum class Ensured : std::uint8_t { kKept, kMade };

/// Makes a network namespace that lasts without a process: bind mount of a new one at the path.
/// Idempotent: a live one is kept with all that is in it. A plain file at the path is mounted over.
/// Needs CAP_SYS_ADMIN; for the mount to outlive a container its volume must propagate
/// (mountPropagation: Bidirectional).
[[nodiscard]] Result<Ensured> ensureNamespace(const std::string& path);

/// Mounts the namespace at `path` under a second path, too, in place of another one there.
/// Idempotent.
[[nodiscard]] Result<Ensured> mountNamespaceAt(const std::string& path, const std::string& alias);

/// Unmounts and removes it; fine if there is none. The kernel frees the namespace, devices and IPVS
/// included, when the last thread and socket in it are gone.
[[nodiscard]] Result<void> removeNamespace(const std::string& path);

/// A thread that entered a network namespace and runs functions there.
///
/// Namespaces and capabilities are properties of a thread, not of a process (man 7 namespaces):
/// sockets opened and programs spawned by this thread belong to its namespace, from whatever thread
/// the socket is used later; and setns(2) needs CAP_SYS_ADMIN once, in this thread, after which
/// `entered` may drop it. Use /proc/thread-self/net here: /proc/net is the main thread's.
/// run() is thread-safe; functions run one after the other.
class NamespaceThread {
 public:
  /// Enters the namespace, then calls `entered` (may be empty) there; fails if either does.
  [[nodiscard]] static Result<std::unique_ptr<NamespaceThread>> start(
      const std::string& path, std::function<Result<void>()> entered = {});

  NamespaceThread(const NamespaceThread&) = delete;
  NamespaceThread& operator=(const NamespaceThread&) = delete;
  /// Waits for the function that runs.
  ~NamespaceThread();

  /// Runs the function there, waits, and returns what it returns. What it throws is thrown here.
  /// Called from the thread itself it runs at once.
  template <class F>
  std::invoke_result_t<F> run(F function) {
    if (std::this_thread::get_id() == thread_.get_id()) return function();
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(function));
    auto result = task.get_future();
    post([&task] { task(); });
    return result.get();
  }

 private:
  NamespaceThread() = default;
  void post(std::function<void()> function);
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> queue_;
  std::jthread thread_;
};

/// Runs programs in the namespace of a thread.
class NamespaceCommandRunner final : public CommandRunner {
 public:
  NamespaceCommandRunner(NamespaceThread& thread, CommandRunner& runner)
      : thread_(thread), runner_(runner) {}

  Result<CommandOutput> run(const Command& command, std::stop_token stop) override {
    return thread_.run([&] { return runner_.run(command, stop); });
  }

 private:
  NamespaceThread& thread_;
  CommandRunner& runner_;
};

}  // namespace barevip::host
