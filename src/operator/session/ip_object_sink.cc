// SPDX-License-Identifier: Apache-2.0
#include "operator/session/ip_object_sink.h"

#include <optional>
#include <utility>

#include "common/model/ip_object_json.h"

namespace barevip::controlplane {
namespace {

using Ptr = IpObjectSink::Store::Ptr;
using Verdict = ReservationQuota::Verdict;

Result<model::IpObject> decode(const nlohmann::json& object) {
  return kube::decodedBy<model::IpObject>(model::decodeIpObject, object);
}

// nullopt: it has that verdict already.
std::optional<model::IpObject> judged(const Ptr& ipObject, Verdict verdict) {
  const bool excess = verdict == Verdict::kRefused;
  if (!ipObject || ipObject->excess == excess) return std::nullopt;
  model::IpObject other = *ipObject;
  other.excess = excess;
  return other;
}

}  // namespace

void IpObjectSink::listStarted() {
  const std::lock_guard lock(mutex_);
  list_.clear();
  listQuota_ = ReservationQuota(limits_, exists_);
}

Result<void> IpObjectSink::listed(const nlohmann::json& object) {
  auto ipObject = decode(object);
  if (!ipObject) return tl::make_unexpected(std::move(ipObject.error()));
  const std::lock_guard lock(mutex_);
  auto verdicts = listQuota_.put(*ipObject);
  const auto own = verdicts.extract(ipObject->key);
  ipObject->excess = own.mapped() == Verdict::kRefused;
  if (own.mapped() == Verdict::kLeftOut) {
    eraseListed(ipObject->key);
  } else {
    kube::putInto<model::IpObject>(list_, known_.shared(std::move(*ipObject)));
  }
  judgeListed(verdicts);
  return {};
}

void IpObjectSink::unlisted(const kube::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  eraseListed(key);
  judgeListed(listQuota_.erase(key));
}

void IpObjectSink::listFinished() {
  const std::lock_guard lock(mutex_);
  quota_ = std::exchange(listQuota_, ReservationQuota(limits_, exists_));
  store_.replaceWith(std::exchange(list_, {}));
}

Result<void> IpObjectSink::put(const nlohmann::json& object) {
  auto ipObject = decode(object);
  if (!ipObject) return tl::make_unexpected(std::move(ipObject.error()));
  const std::lock_guard lock(mutex_);
  auto verdicts = quota_.put(*ipObject);
  const auto own = verdicts.extract(ipObject->key);
  ipObject->excess = own.mapped() == Verdict::kRefused;
  if (own.mapped() == Verdict::kLeftOut) {
    store_.erase(ipObject->key);
  } else {
    store_.put(std::move(*ipObject));
  }
  judgeKept(verdicts);
  return {};
}

void IpObjectSink::erase(const kube::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  store_.erase(key);
  judgeKept(quota_.erase(key));
}

bool IpObjectSink::wantsList() const {
  const std::lock_guard lock(mutex_);
  return quota_.hasRoom();
}

void IpObjectSink::serviceChanged(const kube::ObjectKey& service) {
  const std::lock_guard lock(mutex_);
  judgeListed(listQuota_.serviceChanged(service));
  judgeKept(quota_.serviceChanged(service));
}

void IpObjectSink::eraseListed(const kube::ObjectKey& key) {
  if (const auto it = list_.find(key); it != list_.end()) list_.erase(it);
}

void IpObjectSink::judgeListed(const ReservationQuota::Verdicts& verdicts) {
  for (const auto& [key, verdict] : verdicts) {
    const auto it = list_.find(key);
    if (it == list_.end()) continue;
    if (verdict == Verdict::kLeftOut) {
      list_.erase(it);
    } else if (auto other = judged(*it, verdict)) {
      kube::putInto<model::IpObject>(list_, known_.shared(std::move(*other)));
    }
  }
}

void IpObjectSink::judgeKept(const ReservationQuota::Verdicts& verdicts) {
  for (const auto& [key, verdict] : verdicts) {
    if (verdict == Verdict::kLeftOut) {
      store_.erase(key);
    } else if (auto other = judged(store_.get(key), verdict)) {
      store_.put(std::move(*other));
    }
  }
}

}  // namespace barevip::controlplane
