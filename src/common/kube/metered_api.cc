// SPDX-License-Identifier: Apache-2.0
#include "common/kube/metered_api.h"

#include <string>

#include "common/kube/request_series.h"

namespace barevip::kube {
namespace {

// "ok", the HTTP status of a refusal, or why there was no answer that can be read.
std::string codeOf(const Result<void>& done) {
  if (done) return "ok";
  const Error& error = done.error();
  if (error.detail >= 400) return std::to_string(error.detail);
  switch (error.code) {
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kStopped:
      return "stopped";
    case ErrorCode::kUnavailable:
      return "unreachable";
    default:
      return "invalid";
  }
}

}  // namespace

Result<void> MeteredApi::around(const Request& request, const Send& send) {
  const MonotonicTime before = clock_.now();
  auto done = send();
  requestSeries(metrics_, request.verb, request.resource, codeOf(done)).add();
  if (request.verb != Verb::kWatch) {
    metrics_
        .histogram("barevip_api_request_seconds",
                   "How long requests to the API server took, watches apart.",
                   {{"verb", std::string(nameOf(request.verb))}})
        .observe(clock_.now() - before);
  }
  return done;
}

}  // namespace barevip::kube
