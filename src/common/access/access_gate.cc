// SPDX-License-Identifier: Apache-2.0
#include "common/access/access_gate.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "barevip/base/log.h"

#include "common/access/access_review.h"
#include "common/base/stop_at.h"
#include "common/kube/token_file.h"

namespace barevip::access {
namespace {

constexpr int kOk = 200;
constexpr int kUnavailable = 503;

std::chrono::seconds lifeOf(const obs::Gate::Verdict& verdict) {
  if (verdict.status == kOk) return AccessGate::kAdmitted;
  return verdict.status == kUnavailable ? AccessGate::kUnanswered : AccessGate::kRefused;
}

}  // namespace

AccessGate::AccessGate(kube::Api& api, const Clock& clock, std::string path)
    : api_(api),
      clock_(clock),
      path_(std::move(path)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

std::optional<obs::Gate::Verdict> AccessGate::ask(const std::string& token) {
  if (!kube::isToken(token)) return noToken();
  const Digest digest = digestOf(token);
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(digest);
  const bool known = found != answers_.end();
  if (known && found->second.asked) return std::nullopt;
  if (known && clock_.now() < found->second.until) return found->second.verdict;
  const bool admitted = known && found->second.admitted;
  if (!admitted && questions_.size() >= kMostQuestions) {
    return Verdict{kUnavailable, "too many bearer tokens wait for the API server: try again\n"};
  }
  if (!known) makeRoom();
  answers_[digest].asked = true;
  questions_.insert(admitted ? questions_.begin() : questions_.end(), {digest, token});
  wake_.notify_one();
  return std::nullopt;
}

void AccessGate::run(const std::stop_token& stop) {
  while (true) {
    Question question;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !questions_.empty(); })) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    const StopAt limit(clock_, clock_.now() + kReviewTime, stop);
    Verdict verdict = reviewAccess(api_, question.token, path_, limit.token());
    if (verdict.status == kUnavailable) explain(verdict);
    {
      const std::lock_guard lock(mutex_);
      remember(question.digest, verdict);
      // The others would wait as long for the same answer.
      if (verdict.status == kUnavailable) {
        for (const Question& other : std::exchange(questions_, {})) {
          remember(other.digest, verdict);
        }
      }
    }
    onVerdict_();
  }
}

// Whoever asks may be anybody, so that the reason is for the log alone.
void AccessGate::explain(Verdict& unanswered) {
  const MonotonicTime now = clock_.now();
  if (now >= quietUntil_) {
    log::warn("nobody gets the metrics: the API server does not say who may",
              {{"error", std::move(unanswered.sentence)}});
    quietUntil_ = now + kLogPause;
  }
  unanswered.sentence = "the API server does not say who may get this: try again later\n";
}

void AccessGate::remember(const Digest& digest, const Verdict& verdict) {
  Answer& answer = answers_[digest];
  answer.verdict = verdict;
  answer.until = clock_.now() + lifeOf(verdict);
  answer.asked = false;
  if (verdict.status != kUnavailable) answer.admitted = verdict.status == kOk;
}

// Whoever tries many tokens drives out refused ones, and not those that were admitted.
void AccessGate::makeRoom() {
  if (answers_.size() < kMostAnswers) return;
  const auto rank = [](const auto& entry) {
    const Answer& answer = entry.second;
    return std::tuple(answer.asked, answer.admitted, answer.until);
  };
  answers_.erase(std::min_element(answers_.begin(), answers_.end(),
                                  [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
}

}  // namespace barevip::access
