// SPDX-License-Identifier: Apache-2.0
// The metric barevip_api_requests_total.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "barevip/kube/object_key.h"

#include "common/kube/forwarding_api.h"
#include "common/obs/metrics.h"

namespace barevip::kube {

/// code: "ok", an HTTP status, or why there was no answer.
[[nodiscard]] obs::Counter& requestSeries(obs::Registry& metrics, Verb verb,
                                          const Resource& resource, const std::string& code);

/// Begins the series of requests that a program will send at 0, for those of their ends that an
/// alert would look at: a monitoring system cannot see the first event of a series that begins
/// with it.
void beginRequestSeries(obs::Registry& metrics,
                        std::initializer_list<std::pair<Verb, Resource>> requests);

}  // namespace barevip::kube
