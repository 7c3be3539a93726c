// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/model/pool.h"

#include "cli/convert/report.h"

namespace barevip::cli {

/// Changes the Pool so that crds/pool.yaml takes it (see limits.h), where another form means the
/// same. What cannot be said otherwise is cut where that takes something from Services only, which
/// is a loss; where it would give them more, it is a fault and stays.
void fitToSchema(model::Pool& pool, const Origin& origin, Report& report);

}  // namespace barevip::cli
