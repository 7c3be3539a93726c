// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "barevip/kube/api.h"

#include "common/kube/forwarding_api.h"
#include "fakes/fake_api.h"

namespace barevip::access {

/// An API server that answers reviews as the real one does: it knows the accounts of some tokens,
/// and some accounts may get every path. Thread-safe.
class ReviewingApi final : public kube::ForwardingApi {
 public:
  ReviewingApi() : ForwardingApi(rest_) {}

  /// Sent instead of an answer, or before one.
  std::function<std::optional<Error>()> fault = [] { return std::nullopt; };
  /// What it answers instead; null: what is right.
  std::atomic<const nlohmann::json*> nonsense = nullptr;

  void know(const std::string& token, const std::string& user, bool allowed) {
    const std::lock_guard lock(mutex_);
    users_[token] = user;
    if (allowed) {
      allowed_.insert(user);
    } else {
      allowed_.erase(user);
    }
  }
  /// Questions do not get an answer from now on, until release() or their stop.
  void hold() { held_ = true; }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    wake_.notify_all();
  }

  /// Specs of the reviews that came, in order.
  std::vector<nlohmann::json> specs() {
    const std::lock_guard lock(mutex_);
    return specs_;
  }
  std::size_t asked(const std::string& member) {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& spec : specs_) count += spec.contains(member) ? 1U : 0U;
    return count;
  }
  std::size_t tokensAsked() { return asked("token"); }

  Result<nlohmann::json> create(const kube::Resource& resource, const std::string& ns,
                                const nlohmann::json& object, std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    specs_.push_back(object.at("spec"));
    if (!wake_.wait(lock, stop, [this] { return !held_; })) {
      return fail(ErrorCode::kStopped, "stopped");
    }
    if (auto error = fault()) return tl::make_unexpected(*error);
    if (const auto* const answer = nonsense.load()) return *answer;
    if (!ns.empty() || object.at("apiVersion") != resource.apiVersion() ||
        object.at("kind") != resource.kind) {
      return fail(ErrorCode::kInvalid, "bad request", 400);
    }
    nlohmann::json answer = object;
    answer["status"] = statusOf(resource, object.at("spec"));
    return answer;
  }

 protected:
  Result<void> around(const Request& /*request*/, const Send& send) override { return send(); }

 private:
  nlohmann::json statusOf(const kube::Resource& resource, const nlohmann::json& spec) const {
    if (resource.plural == "tokenreviews") {
      const auto user = users_.find(spec.at("token"));
      if (user == users_.end())
        return {{"authenticated", false}, {"user", nlohmann::json::object()}};
      return {{"authenticated", true},
              {"user",
               {{"username", user->second},
                {"uid", "u-1"},
                {"groups", {"system:authenticated"}},
                {"extra", {{"pod", {"prometheus-0"}}}}}}};
    }
    return {{"allowed", allowed_.contains(spec.at("user"))}};
  }

  kube::FakeApi rest_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::atomic<bool> held_ = false;
  std::map<std::string, std::string> users_;
  std::set<std::string> allowed_;
  std::vector<nlohmann::json> specs_;
};

}  // namespace barevip::access
