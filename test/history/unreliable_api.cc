// SPDX-License-Identifier: Apache-2.0
#include "history/unreliable_api.h"

#include <utility>

#include "history/crew.h"

namespace barevip::history {

Result<void> UnreliableApi::around(const Request& request, const Send& send) {
  if (dead()) return fail(ErrorCode::kStopped, "the process is dead");
  if (!kube::isWrite(request.verb)) return send();
  std::optional<WriteFault> fault;
  if (failure_ && failure_->after-- == 0) fault = std::exchange(failure_, std::nullopt)->fault;
  if (lifetime_) --*lifetime_;
  Crew::pause();
  if (fault == WriteFault::kLost) return fail(ErrorCode::kUnavailable, "the connection broke");
  if (fault == WriteFault::kRefused) return fail(ErrorCode::kForbidden, "exceeded quota", 403);
  auto result = send();
  Crew::pause();
  if (fault) return fail(ErrorCode::kUnavailable, "the connection broke before the answer");
  return result;
}

}  // namespace barevip::history
