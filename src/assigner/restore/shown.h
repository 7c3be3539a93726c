// SPDX-License-Identifier: Apache-2.0
// What a Service shows while we lead, entered into the allocator before anything is decided for it.
#pragma once

#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocator.h"

namespace barevip::assigner {

/// How a change of what is held for a foreign Service (Consumer::Kind::kForeign) matters to others.
struct ForeignChange {
  bool any = false;                 ///< what is held for it is not what it was
  std::vector<IpAddress> released;  ///< held for it before, and it shows them no more
};

/// The Service shows these addresses, which barevip did not allocate to it: they are held for it as
/// far as they are free, and what it showed before is not.
[[nodiscard]] ForeignChange holdForeign(Allocator& allocator, const kube::ObjectKey& service,
                                        const std::vector<IpAddress>& addresses);

/// What enterShown() did.
struct Entered {
  bool restored = false;  ///< what its condition says that barevip allocated
  bool adopted = false;   ///< what another load balancer allocated
  /// It shows what barevip did not allocate, and did not adopt: it must be left as it is.
  bool foreign = false;
  bool wasForeign = false;  ///< addresses were held for it as foreign before
  ForeignChange change;
};

struct EnterRules {
  bool adoptForeign = false;  ///< see adopt()
  /// The Service may still be seen with the status that our last write replaced.
  bool seenLate = false;
};

/// For a Service that barevip looks after. What it shows, and neither has nor is given by this, is
/// held for it as foreign: nobody else may get it while it is shown.
[[nodiscard]] Entered enterShown(Allocator& allocator, const model::Service& service,
                                 const Requester& requester, const EnterRules& rules);

}  // namespace barevip::assigner
