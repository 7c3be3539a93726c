// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "barevip/model/pool.h"

#include "cli/convert/sources.h"

namespace barevip::cli {

/// How Pools are to be announced, by what advertisements say.
class Announcements {
 public:
  /// Notes what of the advertisements has no equal. `sources` and `report` outlive this.
  Announcements(const Sources& sources, Report& report);

  /// Notes what is special about the announcement of this one.
  [[nodiscard]] model::Pool::Announce of(const PoolSource& pool) const;

 private:
  [[nodiscard]] model::Pool::Announce byAdvertisements(const PoolSource& pool) const;

  const Sources& sources_;
  Report& report_;
  std::vector<model::Pool::Announce> settings_;  ///< of each advertisement
};

}  // namespace barevip::cli
