// SPDX-License-Identifier: Apache-2.0
#include "common/access/flags.h"

#include <CLI/CLI.hpp>

namespace barevip::access {

void addSecureMetricsFlags(CLI::App& app, obs::TlsOptions& tls) {
  auto* const secure = app.add_flag(
      "--metrics-secure", tls.enabled,
      "serve --metrics-address by TLS, and /metrics only to clients whose bearer token "
      "the API server authorizes");
  auto* const certificate = app.add_option(
      "--metrics-cert-file", tls.certificateFile,
      "PEM file of the certificate for --metrics-secure, read again when it changes; without it "
      "the program makes a self-signed one");
  auto* const key = app.add_option("--metrics-key-file", tls.keyFile,
                                   "PEM file of the key of --metrics-cert-file");
  certificate->needs(secure)->needs(key);
  key->needs(certificate);
}

}  // namespace barevip::access
