// SPDX-License-Identifier: Apache-2.0
#include "common/access/access_gate.h"

#include <algorithm>
#include <tuple>
#include <utility>

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
  const bool admitted = known && found->second.verdict.status == kOk;
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
    const Verdict verdict = reviewAccess(api_, question.token, path_, limit.token());
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

void AccessGate::remember(const Digest& digest, const Verdict& verdict) {
  answers_[digest] = {verdict, clock_.now() + lifeOf(verdict), false};
}

// Whoever tries many tokens drives out refused ones, and not those that were admitted.
void AccessGate::makeRoom() {
  if (answers_.size() < kMostAnswers) return;
  const auto rank = [](const auto& entry) {
    const Answer& answer = entry.second;
    return std::tuple(answer.asked, answer.verdict.status == kOk, answer.until);
  };
  answers_.erase(std::min_element(answers_.begin(), answers_.end(),
                                  [&](const auto& a, const auto& b) { return rank(a) < rank(b); }));
}

}  // namespace barevip::access
