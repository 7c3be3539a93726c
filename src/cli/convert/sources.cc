// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/sources.h"

namespace barevip::cli {

void serveOnRequestOnly(PoolSource& pool, const std::string& field, Report& report) {
  pool.autoAssign = false;
  report.note(pool.origin, field +
                               " is true: the Pool has autoAssign: false and still serves Services "
                               "that ask for it");
}

}  // namespace barevip::cli
