// SPDX-License-Identifier: Apache-2.0
// The ConfigMap of kube-vip-cloud-provider. See
// https://github.com/kube-vip/kube-vip-cloud-provider for its keys.
#pragma once

#include "cli/convert/fields_yaml.h"
#include "cli/convert/sources.h"

namespace barevip::cli {

/// True if the data of a ConfigMap has addresses for kube-vip.
[[nodiscard]] bool isKubeVip(const Fields& data);

/// `data` of the ConfigMap. Each namespace with addresses of its own gets a Pool.
void readKubeVip(Fields data, const Origin& origin, Sources& sources, Report& report);

}  // namespace barevip::cli
