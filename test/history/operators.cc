// SPDX-License-Identifier: Apache-2.0
#include "history/operators.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

namespace barevip::history {
namespace {

using nlohmann::json;

const kube::ObjectKey kLease{"barevip-system", "barevip-operator"};

std::string identityOf(std::size_t number) { return "history-" + std::to_string(number); }

// In the child: only what is safe after a fork.
[[noreturn]] void become(char* const* arguments, int log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

Operators::Operators(Options options)
    : options_(std::move(options)), processes_(options_.replicas, 0) {}

Operators::~Operators() { killAll(); }

Result<void> Operators::start() {
  for (std::size_t number = 0; number < processes_.size(); ++number) {
    if (processes_[number] != 0) continue;
    const auto pid = launch(identityOf(number));
    if (!pid) return tl::make_unexpected(pid.error());
    processes_[number] = *pid;
  }
  return {};
}

void Operators::killAll() {
  for (std::size_t number = 0; number < processes_.size(); ++number) end(number, SIGKILL);
}

void Operators::endLeader(kube::Api& api, int signal) { end(leader(api), signal); }

std::size_t Operators::crashed() {
  std::size_t count = 0;
  for (pid_t& pid : processes_) {
    if (pid == 0 || waitpid(pid, nullptr, WNOHANG) != pid) continue;
    pid = 0;
    ++count;
  }
  return count;
}

Result<pid_t> Operators::launch(const std::string& identity) const {
  std::vector<std::string> words{options_.program, "--kubeconfig=" + options_.kubeconfig,
                                 "--metrics-address=127.0.0.1:0", "--identity=" + identity};
  if (options_.replicas > 1) words.emplace_back("--leader-elect");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int log = open(options_.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    return fail(ErrorCode::kInvalid, options_.log + ": cannot be written: " + std::strerror(errno));
  }
  const pid_t pid = fork();
  if (pid == 0) become(arguments.data(), log);
  const int error = errno;
  close(log);
  if (pid < 0) {
    return fail(ErrorCode::kInternal, "no process can be made: " + std::string(strerror(error)));
  }
  return pid;
}

// The holder of the Lease; with one process it is that.
std::size_t Operators::leader(kube::Api& api) const {
  if (processes_.size() == 1) return 0;
  const auto lease = api.get(kube::kLeases, kLease, {});
  const std::string holder =
      lease ? lease->value(json::json_pointer("/spec/holderIdentity"), "") : "";
  for (std::size_t number = 0; number < processes_.size(); ++number) {
    if (holder == identityOf(number)) return number;
  }
  return 0;
}

void Operators::end(std::size_t number, int signal) {
  pid_t& pid = processes_.at(number);
  if (pid == 0) return;
  kill(pid, signal);
  waitpid(pid, nullptr, 0);
  pid = 0;
}

}  // namespace barevip::history
