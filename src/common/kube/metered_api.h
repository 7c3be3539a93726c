// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/base/clock.h"

#include "common/kube/forwarding_api.h"
#include "common/obs/metrics.h"

namespace barevip::kube {

/// Counts requests by verb, resource and how they ended (barevip_api_requests_total) and measures
/// how long they took, watches apart, which last (barevip_api_request_seconds). Thread-safe. Clock
/// and registry outlive it.
class MeteredApi final : public ForwardingApi {
 public:
  MeteredApi(Api& next, const Clock& clock, obs::Registry& metrics)
      : ForwardingApi(next), clock_(clock), metrics_(metrics) {}

 protected:
  Result<void> around(const Request& request, const Send& send) override;

 private:
  const Clock& clock_;
  obs::Registry& metrics_;
};

}  // namespace barevip::kube
