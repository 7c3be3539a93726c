// SPDX-License-Identifier: Apache-2.0
// What a client shows to the API server, where it changes with time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "barevip/base/result.h"

namespace barevip::kube {

struct Credential {
  std::string token;        ///< may be empty
  std::string certificate;  ///< PEM; empty together with key
  std::string key;          ///< PEM
};

/// Thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;

  /// The credential for a request; may block to get it, for as long as it takes if there is no
  /// `patience`. kForbidden if there is none, kTimeout if there is none yet, kStopped.
  virtual Result<std::shared_ptr<const Credential>> current(
      std::stop_token stop, std::optional<std::chrono::milliseconds> patience) = 0;

  /// The server answered 401 to this one, so that the next current() gets another.
  virtual void refuse(const std::shared_ptr<const Credential>& credential) = 0;
};

}  // namespace barevip::kube
