// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/pool.h"

namespace barevip::model {

std::string_view toString(AllowSharing allow) {
  switch (allow) {
    case AllowSharing::kNamespace:
      return "Namespace";
    case AllowSharing::kCluster:
      return "Cluster";
    case AllowSharing::kNever:
      return "Never";
  }
  return "Namespace";
}

}  // namespace barevip::model
