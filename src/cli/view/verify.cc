// SPDX-License-Identifier: Apache-2.0
#include "cli/view/verify.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "barevip/base/ip.h"

#include "assigner/allocation/service_status.h"
#include "cli/view/allocation.h"
#include "view/text.h"

namespace barevip::cli {
namespace {

using Kind = ServiceVerdict::Kind;

/// One verification, Service by Service.
class Verifier {
 public:
  Verifier(const view::Cluster& cluster, const std::vector<OtherBalancer>& others)
      : cluster_(cluster), others_(others), allocator_(restored(cluster)) {}

  [[nodiscard]] ServiceVerdict on(const SavedService& saved) const {
    ServiceVerdict verdict{saved.key.toString(), addressesOf(saved.ingress), {}, Kind::kLost, {}};
    const auto service = find(saved.key);
    if (!service || !service->isLoadBalancer()) {
      verdict.why = service ? "its type is " + service->type.str() + " now"
                            : "the Service does not exist any more";
    } else {
      verdict.now = addressesOf(service->ingress);
      judge(*service, verdict);
    }
    if (verdict.before.empty() && verdict.now.empty()) verdict.kind = Kind::kKept;
    return verdict;
  }

 private:
  [[nodiscard]] std::shared_ptr<const model::Service> find(const kube::ObjectKey& key) const {
    const auto& all = cluster_.state.services;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each->key == key; });
    return found == all.end() ? nullptr : *found;
  }

  void judge(const model::Service& service, ServiceVerdict& verdict) const {
    const auto* const condition =
        model::findCondition(service.conditions, assigner::kAddressAssigned);
    add(withoutPool(verdict), verdict);
    if (condition == nullptr) {
      if (!verdict.now.empty()) verdict.kind = Kind::kOther;
      add(whyNotServed(service, verdict), verdict);
      return;
    }
    if (condition->reason != assigner::kAssigned) add(condition->message, verdict);
    if (verdict.now.empty()) return;
    const bool same = verdict.before.empty() || verdict.now == verdict.before;
    verdict.kind = same ? Kind::kKept : Kind::kMoved;
    if (others_.empty() || service.loadBalancerClass == model::kLoadBalancerClass) return;
    if (same) verdict.kind = Kind::kTwoWriters;
    add(others_.front().product + " runs and may write its status, too", verdict);
  }

  static void add(const std::string& why, ServiceVerdict& verdict) {
    if (!why.empty()) verdict.why += (verdict.why.empty() ? "" : "; ") + why;
  }

  [[nodiscard]] std::string withoutPool(const ServiceVerdict& verdict) const {
    std::vector<std::string> missing;
    std::copy_if(verdict.before.begin(), verdict.before.end(), std::back_inserter(missing),
                 [&](const std::string& text) {
                   const auto address = IpAddress::parse(text);
                   return address && allocator_.pools().having(*address) == nullptr;
                 });
    if (missing.empty()) return {};
    return "no Pool that is ready has " +
           view::listed(missing, [](const std::string& each) { return each; });
  }

  [[nodiscard]] std::string whyNotServed(const model::Service& service,
                                         const ServiceVerdict& verdict) const {
    if (!cluster_.rules.classes.serve(service)) {
      return service.loadBalancerClass.empty()
                 ? "it has no class, and the operator requires one"
                 : "the operator does not serve its class " + service.loadBalancerClass.str();
    }
    if (verdict.now.empty()) return "no operator has looked at it";
    return cluster_.rules.adopt ? "barevip has not adopted it"
                                : "the operator runs without --adopt, so it adopts nothing";
  }

  const view::Cluster& cluster_;
  const std::vector<OtherBalancer>& others_;
  const assigner::Allocator allocator_;
};

}  // namespace

bool Verification::hasProblem() const {
  return std::any_of(services.begin(), services.end(),
                     [](const ServiceVerdict& each) { return each.kind != Kind::kKept; });
}

const char* nameOf(Kind kind) {
  switch (kind) {
    case Kind::kKept:
      return "kept";
    case Kind::kMoved:
      return "moved";
    case Kind::kLost:
      return "lost";
    case Kind::kOther:
      return "other";
    case Kind::kTwoWriters:
      return "two writers";
  }
  return "";
}

Verification verifyMigration(const SavedServices& saved, const view::Cluster& cluster,
                             std::vector<OtherBalancer> others) {
  const Verifier verifier(cluster, others);
  Verification result;
  for (const SavedService& each : saved.services) result.services.push_back(verifier.on(each));
  result.others = std::move(others);
  return result;
}

}  // namespace barevip::cli
