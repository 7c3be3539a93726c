// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>

#include "common/kube/forwarding_api.h"

namespace barevip::controlplane {

/// Fences off a process that does not lead: lets a write through only while `mayWrite` returns
/// true, otherwise it is kStopped. Reads pass. Thread-safe if mayWrite is. The Api behind it
/// outlives it.
class FencedApi final : public kube::ForwardingApi {
 public:
  FencedApi(kube::Api& api, std::function<bool()> mayWrite)
      : ForwardingApi(api), mayWrite_(std::move(mayWrite)) {}

 protected:
  Result<void> around(const Request& request, const Send& send) override;

 private:
  const std::function<bool()> mayWrite_;
};

}  // namespace barevip::controlplane
