// SPDX-License-Identifier: Apache-2.0
#include "common/access/digest.h"

#include <openssl/sha.h>

namespace barevip::access {

Digest digestOf(std::string_view text) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

}  // namespace barevip::access
