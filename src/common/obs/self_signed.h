// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "barevip/base/result.h"

namespace barevip::obs {

/// A certificate and its key, in PEM form.
struct PemPair {
  std::string certificate;
  std::string key;

  friend bool operator==(const PemPair&, const PemPair&) = default;
};

/// A new key on the curve P-256, and a certificate that it signs itself: for a name of DNS, valid
/// for ten years. It keeps listeners out, and proves nothing to a client.
[[nodiscard]] Result<PemPair> makeSelfSigned(const std::string& name);

}  // namespace barevip::obs
