// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "barevip/base/clock.h"

#include "common/kube/forwarding_api.h"

namespace barevip::controlplane {

/// For commands that run once: sends each request again while what it fails by may pass (no
/// connection, no answer in time, 5xx, 429), until its stop token is set; then the last such
/// failure is the result. A list hands its objects out only when it is whole. Watches pass through.
/// Not thread-safe.
class PatientApi final : public kube::ForwardingApi {
 public:
  PatientApi(kube::Api& api, const Clock& clock) : ForwardingApi(api), clock_(clock) {}

  /// Whether the API server answered any request, be it by a refusal.
  [[nodiscard]] bool answered() const { return answered_; }
  /// The last failure that was not an answer.
  [[nodiscard]] const Error& silence() const { return silence_; }

  Result<std::string> list(const kube::Resource& resource, const kube::Selection& selection,
                           const OnItem& onItem, std::stop_token stop) override;

 protected:
  Result<void> around(const Request& request, const Send& send) override;

 private:
  template <class Call>
  auto again(const std::stop_token& stop, Call&& call) -> decltype(call());

  const Clock& clock_;
  bool answered_ = false;
  Error silence_{ErrorCode::kTimeout, "no answer came in time", 0, {}};
};

}  // namespace barevip::controlplane
