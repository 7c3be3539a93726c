// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"
#include "common/model/node_json.h"
#include "ipvsnode/membership/lease_writes.h"

namespace barevip::node {

using nlohmann::json;

Result<bool> writeLease(kube::Api& api, const model::Lease& lease,
                        const std::optional<model::OwnerReference>& owner,
                        const std::stop_token& stop) {
  json body = model::encodeLease(lease);
  const auto patched = api.patch(kube::kLeases, lease.key, "", body, stop);
  if (patched) return true;
  if (patched.error().code != ErrorCode::kNotFound) return tl::make_unexpected(patched.error());
  if (!owner) return false;
  // Never patched: where an admission plugin guards owners, that takes the right to delete.
  body["metadata"]["ownerReferences"] = json::array({model::encodeOwner(*owner, false)});
  const auto created = api.create(kube::kLeases, lease.key.ns, body, stop);
  if (!created) return tl::make_unexpected(created.error());
  return true;
}

}  // namespace barevip::node
