// SPDX-License-Identifier: Apache-2.0
// IP objects come into the store, no more of them than a tenant may have.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"

#include "common/kube/reflector.h"
#include "operator/session/reservation_quota.h"

namespace barevip::controlplane {

/// As kube::StoreSink, with a ReservationQuota: what counts is kept, what is refused as well, and
/// marked (IpObject::excess), and the rest is left out. serviceChanged() is for any thread.
class IpObjectSink final : public kube::ObjectSink {
 public:
  using Store = kube::Store<model::IpObject>;

  /// An object that equals what `known` has is the very same one. Both must outlive this, and so
  /// must what `exists` asks, on any thread. Without it every Service exists.
  IpObjectSink(Store& store, const Store& known, ReservationQuota::Exists exists = {},
               ReservationQuota::Limits limits = {})
      : store_(store), known_(known), exists_(std::move(exists)), limits_(limits) {}

  void listStarted() override;
  Result<void> listed(const nlohmann::json& object) override;
  void unlisted(const kube::ObjectKey& key) override;
  void listFinished() override;
  Result<void> put(const nlohmann::json& object) override;
  void erase(const kube::ObjectKey& key) override;
  void reached(const std::string& version) override { store_.setVersion(version); }
  [[nodiscard]] bool wantsList() const override;

  /// `exists` has another answer for that Service than before.
  void serviceChanged(const kube::ObjectKey& service);

 private:
  // With mutex_ held:
  void eraseListed(const kube::ObjectKey& key);
  void judgeListed(const ReservationQuota::Verdicts& verdicts);
  void judgeKept(const ReservationQuota::Verdicts& verdicts);

  Store& store_;
  const Store& known_;
  const ReservationQuota::Exists exists_;
  const ReservationQuota::Limits limits_;
  mutable std::mutex mutex_;                      ///< verdicts reach the store in their order
  ReservationQuota quota_{limits_, exists_};      ///< of what the store has
  ReservationQuota listQuota_{limits_, exists_};  ///< of the list that comes in
  Store::Objects list_;
};

}  // namespace barevip::controlplane
