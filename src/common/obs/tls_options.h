// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace barevip::obs {

/// Whether a server speaks TLS, and as whom.
struct TlsOptions {
  bool enabled = false;
  /// Files in PEM form; the certificate's may go on with those of the authorities between. They are
  /// read again when they change. Both empty: a certificate that the server makes and signs itself.
  std::string certificateFile;
  std::string keyFile;
};

}  // namespace barevip::obs
