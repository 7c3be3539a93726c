// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>

#include "barevip/kube/api.h"

#include "common/obs/gate.h"

namespace barevip::access {

/// Asks the API server who has the token (TokenReview), and whether that account may get the path
/// (SubjectAccessReview of a nonResourceURL, verb get). 200, 401 or 403; 503 if the server cannot
/// be asked or its answer has not the form of one: then the sentence is the reason, which is for
/// the log and not for who sent the token. Returns soon after stop is requested (503).
[[nodiscard]] obs::Gate::Verdict reviewAccess(kube::Api& api, const std::string& token,
                                              const std::string& path, const std::stop_token& stop);

/// When there is no token.
[[nodiscard]] obs::Gate::Verdict noToken();

}  // namespace barevip::access
