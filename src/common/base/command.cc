// SPDX-License-Identifier: Apache-2.0
#include "common/base/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <iostream>
#include <optional>
#include <utility>

#include "common/base/file_descriptor.h"
#include "common/base/stop_event.h"
#include "common/base/system_error.h"

namespace barevip {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kErrorLimit = std::size_t{16} << 10U;
constexpr std::chrono::milliseconds kReapInterval{5};

/// posix_spawn's two records, released together.
struct SpawnSettings {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
};

/// A running program: killed, with its children if it has a group of its own, and reaped when this
/// goes.
class Child {
 public:
  Child(pid_t pid, bool ownGroup) : pid_(pid), ownGroup_(ownGroup) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(ownGroup_ ? -pid_ : pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }

  /// Its exit status once it ended.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  bool ownGroup_;
};

/// Collects stdout, line by line if some are not wanted.
class OutputCollector {
 public:
  explicit OutputCollector(const std::function<bool(std::string_view)>& keepLine)
      : keepLine_(keepLine) {}

  void add(std::string_view bytes) {
    if (!keepLine_) {
      kept_.append(bytes);
      return;
    }
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        partial_.append(bytes);
        return;
      }
      partial_.append(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
      flush();
    }
  }

  [[nodiscard]] std::size_t size() const { return kept_.size() + partial_.size(); }

  std::string finish() {
    if (!partial_.empty()) flush();
    return std::move(kept_);
  }

 private:
  void flush() {
    if (keepLine_(partial_)) kept_.append(partial_).push_back('\n');
    partial_.clear();
  }

  const std::function<bool(std::string_view)>& keepLine_;
  std::string kept_;
  std::string partial_;
};

/// Our ends of the program's three streams.
struct Streams {
  FileDescriptor input;  ///< none if there is nothing to write
  FileDescriptor output;
  FileDescriptor errors;
};

Result<std::pair<FileDescriptor, FileDescriptor>> makePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::make_unexpected(systemError("cannot make a pipe", errno));
  }
  return std::pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// As exec wants them, with a null at the end; they point into `texts`.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

Result<pid_t> spawn(const std::string& path, const Command& command, Streams& streams) {
  auto output = makePipe();
  if (!output) return tl::make_unexpected(output.error());
  auto errors = makePipe();
  if (!errors) return tl::make_unexpected(errors.error());

  SpawnSettings settings;
  FileDescriptor childInput;
  if (command.interactive) {
    posix_spawn_file_actions_adddup2(&settings.actions, STDIN_FILENO, STDIN_FILENO);
  } else if (command.input.empty()) {
    posix_spawn_file_actions_addopen(&settings.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  } else {
    // A socket instead of a pipe: MSG_NOSIGNAL spares the process SIGPIPE when the program leaves.
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      return tl::make_unexpected(systemError("cannot make a socket pair", errno));
    }
    streams.input = FileDescriptor(ends[0]);
    childInput = FileDescriptor(ends[1]);
    posix_spawn_file_actions_adddup2(&settings.actions, childInput.get(), STDIN_FILENO);
  }
  posix_spawn_file_actions_adddup2(&settings.actions, output->second.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&settings.actions, errors->second.get(), STDERR_FILENO);

  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  posix_spawnattr_setsigdefault(&settings.attributes, &all);
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  posix_spawnattr_setflags(&settings.attributes,
                           static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              (command.interactive ? 0 : POSIX_SPAWN_SETPGROUP)));

  std::vector<std::string> words{path};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> variables = command.environment;
  if (variables.empty()) variables = {std::string("PATH=") + kProgramPath, "LC_ALL=C"};
  const std::vector<char*> arguments = pointers(words);
  const std::vector<char*> environment = pointers(variables);

  pid_t pid = 0;
  const int failure = ::posix_spawn(&pid, path.c_str(), &settings.actions, &settings.attributes,
                                    arguments.data(), environment.data());
  if (failure != 0) return tl::make_unexpected(systemError("cannot start " + path, failure));
  streams.output = std::move(output->first);
  streams.errors = std::move(errors->first);
  for (const int fd : {streams.output.get(), streams.errors.get()}) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  return pid;
}

/// Reads what is there, at most a megabyte at a time; false at the end of the stream.
template <class Sink>
bool drain(int fd, Sink sink) {
  std::array<char, 16384> buffer;
  for (int round = 0; round < 64; ++round) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) {
      sink(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN;
  }
  return true;
}

}  // namespace

std::string findProgram(std::string_view name, std::string_view path) {
  const auto runnable = [](const std::string& candidate) {
    struct stat info {};
    return ::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
           ::access(candidate.c_str(), X_OK) == 0;
  };
  if (name.empty()) return {};
  if (name.find('/') != std::string_view::npos) {
    std::string candidate(name);
    return runnable(candidate) ? candidate : std::string();
  }
  while (true) {
    const std::size_t end = path.find(':');
    std::string candidate(path.substr(0, end));
    candidate.append("/").append(name);
    if (runnable(candidate)) return candidate;
    if (end == std::string_view::npos) return {};
    path.remove_prefix(end + 1);
  }
}

std::string toString(const Command& command) {
  std::string text = command.program;
  for (const std::string& argument : command.arguments) text += " " + argument;
  return text;
}

Result<CommandOutput> SystemCommandRunner::run(const Command& command, std::stop_token stop) {
  if (stop.stop_requested()) {
    return fail(ErrorCode::kStopped, "stopped before " + command.program + " was started");
  }
  const std::string path = findProgram(command.program);
  if (path.empty()) {
    return fail(
        ErrorCode::kNotFound,
        "the program " + command.program + " is not installed (looked in " + kProgramPath + ")",
        ENOENT);
  }
  const StopEvent stopEvent(stop);
  Streams streams;
  auto pid = spawn(path, command, streams);
  if (!pid) return tl::make_unexpected(pid.error());
  Child child(*pid, !command.interactive);

  CommandOutput result;
  OutputCollector collector(command.keepLine);
  std::string_view toWrite = command.input;
  const Clock::time_point end = Clock::now() + command.deadline;
  while (true) {
    if (!streams.output.valid() && !streams.errors.valid()) {
      if (const auto status = child.ended()) {
        result.status = *status;
        result.output = collector.finish();
        return result;
      }
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) {
      return fail(ErrorCode::kTimeout, toString(command) + " did not end within " +
                                           std::to_string(command.deadline.count()) +
                                           " ms and was killed");
    }
    if (collector.size() > command.outputLimit) {
      return fail(ErrorCode::kInternal, toString(command) + " wrote more than " +
                                            std::to_string(command.outputLimit) +
                                            " bytes and was killed");
    }
    // Once both streams are closed only its end is awaited, of which no descriptor tells before
    // Linux 5.3.
    const bool onlyReap = !streams.output.valid() && !streams.errors.valid();
    std::array<pollfd, 4> fds{{{stopEvent.get(), POLLIN, 0},
                               {streams.output.get(), POLLIN, 0},
                               {streams.errors.get(), POLLIN, 0},
                               {streams.input.get(), POLLOUT, 0}}};
    const auto wait = onlyReap ? std::min(left, kReapInterval) : left;
    if (::poll(fds.data(), fds.size(), static_cast<int>(wait.count())) < 0 && errno != EINTR) {
      return tl::make_unexpected(systemError("poll", errno));
    }
    if (fds[0].revents != 0) {
      return fail(ErrorCode::kStopped, "stopped while " + toString(command) + " ran");
    }
    if (fds[1].revents != 0 &&
        !drain(streams.output.get(), [&](std::string_view bytes) { collector.add(bytes); })) {
      streams.output.reset();
    }
    if (fds[2].revents != 0 && !drain(streams.errors.get(), [&](std::string_view bytes) {
          const std::size_t room = kErrorLimit - std::min(kErrorLimit, result.errors.size());
          result.errors.append(bytes.substr(0, room));
          if (command.showErrors) std::cerr << bytes << std::flush;
        })) {
      streams.errors.reset();
    }
    if (fds[3].revents != 0) {
      const ssize_t sent =
          ::send(streams.input.get(), toWrite.data(), toWrite.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) toWrite.remove_prefix(static_cast<std::size_t>(sent));
      const bool gone = sent < 0 && errno != EAGAIN && errno != EINTR;
      if (toWrite.empty() || gone) streams.input.reset();
    }
  }
}

Result<CommandOutput> runSuccessfully(CommandRunner& runner, const Command& command,
                                      const std::stop_token& stop) {
  auto output = runner.run(command, stop);
  if (!output || output->status == 0) return output;
  std::string words = output->errors.empty() ? output->output : output->errors;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  std::replace(words.begin(), words.end(), '\n', ' ');
  const bool forbidden = words.find("Permission denied") != std::string::npos ||
                         words.find("Operation not permitted") != std::string::npos;
  return fail(forbidden ? ErrorCode::kForbidden : ErrorCode::kInternal,
              toString(command) + " ended with status " + std::to_string(output->status) + ": " +
                  (words.empty() ? "it did not say why" : words.substr(0, 1000)),
              output->status);
}

}  // namespace barevip
