// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "common/access/digest.h"
#include "common/obs/gate.h"

namespace barevip::access {

/// Lets those get a path whom the API server lets, as kube-rbac-proxy does. Asks it on a thread of
/// its own, about one token at a time, and remembers the answers for a while. Without an answer
/// nobody is let in, and the log says why, once each kLogPause. However many tokens come, the
/// questions that wait and the answers that are remembered are bounded, and a token that was
/// admitted when the API server last answered goes first. Thread-safe.
class AccessGate final : public obs::Gate {
 public:
  static constexpr std::chrono::seconds kAdmitted{60};  ///< a right that is taken away ends by then
  static constexpr std::chrono::seconds kRefused{10};
  static constexpr std::chrono::seconds kUnanswered{1};
  static constexpr std::chrono::seconds kReviewTime{3};  ///< at most, of one token
  static constexpr std::chrono::seconds kLogPause{60};
  static constexpr std::size_t kMostQuestions = 16;
  static constexpr std::size_t kMostAnswers = 64;

  /// Api and clock outlive it.
  AccessGate(kube::Api& api, const Clock& clock, std::string path);

  std::optional<Verdict> ask(const std::string& token) override;
  void setOnVerdict(std::function<void()> onVerdict) override { onVerdict_ = std::move(onVerdict); }

 private:
  struct Answer {
    Verdict verdict;
    MonotonicTime until;
    bool asked = false;     ///< a newer one is being found out
    bool admitted = false;  ///< by the last answer of the API server
  };
  struct Question {
    Digest digest;
    std::string token;
  };

  void run(const std::stop_token& stop);
  void explain(Verdict& unanswered);
  void remember(const Digest& digest, const Verdict& verdict);
  void makeRoom();

  kube::Api& api_;
  const Clock& clock_;
  const std::string path_;
  std::function<void()> onVerdict_ = [] {};

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Question> questions_;
  std::map<Digest, Answer> answers_;
  MonotonicTime quietUntil_;  ///< of the log; thread_ alone uses it
  std::jthread thread_;       // last: it uses all the rest
};

}  // namespace barevip::access
