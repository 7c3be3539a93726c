// SPDX-License-Identifier: Apache-2.0
// The IP objects that record the addresses of Services.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/service.h"

#include "assigner/allocation/choice.h"
#include "assigner/service/ip_object_index.h"

namespace barevip::assigner {

/// Whether an IP object can be the record of an address that the Pool gave. A bound one names the
/// Pool as it was called then. One that was never bound and names another Pool is not the
/// operator's: it must not be bound, since a restart believes a bound one.
[[nodiscard]] bool mayRecord(const model::IpObject& ipObject, const std::string& sourcePool);

/// Makes and removes them, and knows those that the watch does not show yet. References must
/// outlive this. Thread-safe, as long as one Service is with one worker at a time.
class ServiceRecords {
 public:
  /// By then the watch has shown what was made, or it is gone again.
  static constexpr std::chrono::seconds kInFlight{10};

  ServiceRecords(kube::Api& api, const Clock& clock, const kube::Store<model::IpObject>& ipObjects,
                 const IpObjectIndex& index)
      : api_(api), clock_(clock), ipObjects_(ipObjects), index_(index) {}

  /// There is one, as it should be, afterwards. kAlreadyExists: its name is taken by an IP object
  /// that barevip did not make.
  Result<void> ensure(const model::Service& service, const Assignment& assignment,
                      const std::stop_token& stop);

  /// Removes all that name the Service as their owner, and all for the addresses that it holds that
  /// were made and are not shown yet, but those named in `except`.
  Result<void> removeOthers(const kube::ObjectKey& service, const std::vector<IpAddress>& held,
                            const std::set<std::string>& except, const std::stop_token& stop);

  /// It was made and the watch does not show it yet.
  [[nodiscard]] bool isInFlight(const kube::ObjectKey& record);

  /// The store has the IP object now, of the Service of that uid, or has it no more (empty). True
  /// if it was made here for that Service, which need not be looked at: what client-go calls an
  /// expectation is met.
  bool seen(const kube::ObjectKey& record, const std::string& serviceUid);

 private:
  struct InFlight {
    std::string serviceUid;
    MonotonicTime since{};
  };

  Result<void> replace(const model::IpObject& found, const model::IpObject& wanted,
                       const std::stop_token& stop);
  void forget(const kube::ObjectKey& record);

  kube::Api& api_;
  const Clock& clock_;
  const kube::Store<model::IpObject>& ipObjects_;
  const IpObjectIndex& index_;

  std::mutex mutex_;
  std::map<kube::ObjectKey, InFlight> inFlight_;
};

}  // namespace barevip::assigner
