// SPDX-License-Identifier: Apache-2.0
// Ctrl-C for commands that leave something behind.
#pragma once

#include <csignal>
#include <ctime>
#include <stop_token>
#include <thread>

namespace barevip::cli {

/// Turns SIGINT and SIGTERM into a stop token; a second one ends the process. To be made before
/// there are other threads, which inherit that the signals are blocked; its thread waits for them.
class Interrupt {
 public:
  Interrupt() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::jthread([this](const std::stop_token& done) { wait(done); });
  }

  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt() {
    thread_.request_stop();
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  void wait(const std::stop_token& done) {
    constexpr timespec kLook{0, 100'000'000};
    while (!done.stop_requested() && !source_.stop_requested()) {
      if (sigtimedwait(&signals_, nullptr, &kLook) > 0) source_.request_stop();
    }
    // A second one ends the process by a thread that does not block it, and this is the only one.
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    while (!done.stop_requested()) nanosleep(&kLook, nullptr);
  }

  sigset_t signals_{};
  sigset_t before_{};
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace barevip::cli
