// SPDX-License-Identifier: Apache-2.0
#include "common/kube/request_series.h"

#include <array>

namespace barevip::kube {
namespace {

constexpr std::array kUsualEnds{"ok", "403", "409", "429", "500", "503", "timeout", "unreachable"};

}  // namespace

obs::Counter& requestSeries(obs::Registry& metrics, Verb verb, const Resource& resource,
                            const std::string& code) {
  return metrics.counter("barevip_api_requests_total",
                         "Requests to the API server, by verb, resource and how they ended.",
                         {{"verb", std::string(nameOf(verb))},
                          {"resource", std::string(resource.plural)},
                          {"code", code}});
}

void beginRequestSeries(obs::Registry& metrics,
                        std::initializer_list<std::pair<Verb, Resource>> requests) {
  for (const auto& [verb, resource] : requests) {
    for (const char* const end : kUsualEnds) {
      static_cast<void>(requestSeries(metrics, verb, resource, end));
    }
  }
}

}  // namespace barevip::kube
