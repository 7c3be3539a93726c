// SPDX-License-Identifier: Apache-2.0
#include "operator/session/fenced_api.h"

namespace barevip::controlplane {

Result<void> FencedApi::around(const Request& request, const Send& send) {
  if (kube::isWrite(request.verb) && !mayWrite_()) {
    return fail(ErrorCode::kStopped, "this process does not lead, so it writes nothing");
  }
  return send();
}

}  // namespace barevip::controlplane
