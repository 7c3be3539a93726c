// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/status_writer.h"

#include <algorithm>
#include <string>

#include "assigner/allocation/service_status.h"
#include "assigner/service/api_writes.h"
#include "assigner/service/service_events.h"
#include "common/base/rfc3339.h"

namespace barevip::assigner {
namespace {

// Of what we write: the uid, too, since a Service created again has nothing of the earlier one's.
std::string fingerprint(const model::Service& service, const ShownStatus& status) {
  std::string text = service.uid;
  text.append(" ").append(status.condition.reason).append(" ").append(status.condition.message);
  for (const model::LoadBalancerIngress& entry : status.ingress) {
    text.append(" ").append(entry.ip).append(entry.ipMode);
  }
  return text;
}

bool sameReason(const model::Condition* before, const model::Condition& condition) {
  return before != nullptr && before->reason == condition.reason &&
         before->status == condition.status;
}

}  // namespace

bool StatusWriter::stands(const model::Service& service, const ShownStatus& status) {
  const model::Condition* const before = model::findCondition(service.conditions, kAddressAssigned);
  if (before == nullptr || service.ingress != status.ingress) return false;
  if (*before == status.condition) return true;
  return status.quotesServer && sameReason(before, status.condition) &&
         pace_.wroteLately(service.key);
}

Result<std::chrono::milliseconds> StatusWriter::show(const model::Service& service,
                                                     const ShownStatus& status,
                                                     const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kDone{0};
  if (stands(service, status)) {
    pace_.agrees(service.key);
    return kDone;
  }
  const std::string wanted = fingerprint(service, status);
  const auto verdict = pace_.differs(service.key, service.resourceVersion, wanted);
  if (verdict.contended) events_.emit(overwrittenEvent(service));
  if (verdict.wait.count() > 0) return verdict.wait;
  const WallTime now = clock_.wallNow();
  model::Conditions conditions = service.conditions;
  model::setCondition(conditions, status.condition, secondsSinceEpoch(now));
  const auto patched = patchServiceStatus(api_, service, status.ingress, conditions, now, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  pace_.wrote(service.key, service.resourceVersion, wanted);
  const model::Condition* const before = model::findCondition(service.conditions, kAddressAssigned);
  const bool same = sameReason(before, status.condition);
  const bool moved =
      same && status.condition.reason == kAssigned && before->message != status.condition.message;
  if (!verdict.overwritten && (!same || moved)) {
    events_.emit(conditionEvent(service, status.condition));
  }
  return kDone;
}

Result<void> StatusWriter::withdraw(const model::Service& service,
                                    const std::vector<IpAddress>& addresses,
                                    const std::stop_token& stop) {
  const auto shown = shownBy(service);
  const bool shows = std::find_first_of(shown.begin(), shown.end(), addresses.begin(),
                                        addresses.end()) != shown.end();
  model::Conditions conditions = service.conditions;
  const auto removed = std::erase_if(
      conditions, [](const model::Condition& each) { return each.type == kAddressAssigned; });
  if (!shows && removed == 0) return {};
  return withdrawFromServiceStatus(api_, service, addresses, conditions, clock_.wallNow(), stop);
}

}  // namespace barevip::assigner
