// SPDX-License-Identifier: Apache-2.0
// IP objects come into the store, no more of them than a tenant may have.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"

#include "common/kube/reflector.h"
#include "operator/session/reservation_quota.h"

namespace barevip::controlplane {

/// As kube::StoreSink, with a ReservationQuota: what counts is kept, what is refused as well, and
/// marked (IpObject::excess), and the rest is left out.
class IpObjectSink final : public kube::ObjectSink {
 public:
  using Store = kube::Store<model::IpObject>;

  /// An object that equals what `known` has is the very same one. Both must outlive this.
  IpObjectSink(Store& store, const Store& known, ReservationQuota::Limits limits = {})
      : store_(store), known_(known), limits_(limits) {}

  void listStarted() override;
  Result<void> listed(const nlohmann::json& object) override;
  void unlisted(const kube::ObjectKey& key) override;
  void listFinished() override;
  Result<void> put(const nlohmann::json& object) override;
  void erase(const kube::ObjectKey& key) override;
  void reached(const std::string& version) override { store_.setVersion(version); }
  [[nodiscard]] bool wantsList() const override { return quota_.hasRoom(); }

 private:
  void eraseListed(const kube::ObjectKey& key);
  void judgeListed(const ReservationQuota::Verdicts& verdicts);
  void judgeKept(const ReservationQuota::Verdicts& verdicts);

  Store& store_;
  const Store& known_;
  const ReservationQuota::Limits limits_;
  ReservationQuota quota_{limits_};      ///< of what the store has
  ReservationQuota listQuota_{limits_};  ///< of the list that comes in
  Store::Objects list_;
};

}  // namespace barevip::controlplane
