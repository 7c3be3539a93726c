// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/other_rules.h"

#include "ipvsnode/filter/ip_tables_kernel.h"
#include "ipvsnode/netlink/former_sets.h"

namespace barevip::node {
namespace {

/// Rules name the sets, and so go first.
Result<std::size_t> removeFormer() {
  const auto rules = host::removeFormerFromIpTables();
  if (!rules) return rules;
  return netlink::removeFormerSets().map([&](std::size_t sets) { return *rules + sets; });
}

}  // namespace

host::OtherRules otherRules() {
  return {host::letThroughIpTables, host::takeBackFromIpTables, removeFormer};
}

}  // namespace barevip::node
