// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/obs/tls_options.h"

namespace CLI {
class App;
}  // namespace CLI

namespace barevip::access {

/// --metrics-secure, --metrics-cert-file and --metrics-key-file. `tls` outlives the App.
void addSecureMetricsFlags(CLI::App& app, obs::TlsOptions& tls);

}  // namespace barevip::access
