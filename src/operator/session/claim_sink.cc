// SPDX-License-Identifier: Apache-2.0
#include "operator/session/claim_sink.h"

#include <optional>
#include <utility>

#include "common/model/ip_claim_json.h"

namespace barevip::controlplane {
namespace {

using Ptr = ClaimSink::Store::Ptr;
using Verdict = ReservationQuota::Verdict;

Result<model::IpClaim> decode(const nlohmann::json& object) {
  return kube::decodedBy<model::IpClaim>(model::decodeIpClaim, object);
}

// nullopt: it has that verdict already.
std::optional<model::IpClaim> judged(const Ptr& claim, Verdict verdict) {
  const bool excess = verdict == Verdict::kRefused;
  if (!claim || claim->excess == excess) return std::nullopt;
  model::IpClaim other = *claim;
  other.excess = excess;
  return other;
}

}  // namespace

void ClaimSink::listStarted() {
  list_.clear();
  listQuota_ = ReservationQuota(limits_);
}

Result<void> ClaimSink::listed(const nlohmann::json& object) {
  auto claim = decode(object);
  if (!claim) return tl::make_unexpected(std::move(claim.error()));
  auto verdicts = listQuota_.put(*claim);
  const auto own = verdicts.extract(claim->key);
  claim->excess = own.mapped() == Verdict::kRefused;
  if (own.mapped() == Verdict::kLeftOut) {
    eraseListed(claim->key);
  } else {
    kube::putInto<model::IpClaim>(list_, known_.shared(std::move(*claim)));
  }
  judgeListed(verdicts);
  return {};
}

void ClaimSink::unlisted(const kube::ObjectKey& key) {
  eraseListed(key);
  judgeListed(listQuota_.erase(key));
}

void ClaimSink::listFinished() {
  quota_ = std::exchange(listQuota_, ReservationQuota(limits_));
  store_.replaceWith(std::exchange(list_, {}));
}

Result<void> ClaimSink::put(const nlohmann::json& object) {
  auto claim = decode(object);
  if (!claim) return tl::make_unexpected(std::move(claim.error()));
  auto verdicts = quota_.put(*claim);
  const auto own = verdicts.extract(claim->key);
  claim->excess = own.mapped() == Verdict::kRefused;
  if (own.mapped() == Verdict::kLeftOut) {
    store_.erase(claim->key);
  } else {
    store_.put(std::move(*claim));
  }
  judgeKept(verdicts);
  return {};
}

void ClaimSink::erase(const kube::ObjectKey& key) {
  store_.erase(key);
  judgeKept(quota_.erase(key));
}

void ClaimSink::eraseListed(const kube::ObjectKey& key) {
  if (const auto it = list_.find(key); it != list_.end()) list_.erase(it);
}

void ClaimSink::judgeListed(const ReservationQuota::Verdicts& verdicts) {
  for (const auto& [key, verdict] : verdicts) {
    const auto it = list_.find(key);
    if (it == list_.end()) continue;
    if (verdict == Verdict::kLeftOut) {
      list_.erase(it);
    } else if (auto other = judged(*it, verdict)) {
      kube::putInto<model::IpClaim>(list_, known_.shared(std::move(*other)));
    }
  }
}

void ClaimSink::judgeKept(const ReservationQuota::Verdicts& verdicts) {
  for (const auto& [key, verdict] : verdicts) {
    if (verdict == Verdict::kLeftOut) {
      store_.erase(key);
    } else if (auto other = judged(store_.get(key), verdict)) {
      store_.put(std::move(*other));
    }
  }
}

}  // namespace barevip::controlplane
