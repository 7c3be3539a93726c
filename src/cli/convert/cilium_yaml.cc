// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/cilium_yaml.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"

namespace barevip::cli {
namespace {

using model::LabelSelector;
using Requirement = LabelSelector::Requirement;

constexpr const char* kNamespace = "io.kubernetes.service.namespace";
constexpr const char* kName = "io.kubernetes.service.name";

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A selector of Services there, whose keys may be the namespace and the name as well as labels.
class ServiceSelector {
 public:
  explicit ServiceSelector(const LabelSelector& selector) {
    for (const auto& [key, value] : selector.matchLabels) {
      if (!take({key, "In", {value}})) labels_.matchLabels.emplace(key, value);
    }
    for (const Requirement& each : selector.matchExpressions) {
      if (!take(each)) labels_.matchExpressions.push_back(each);
    }
  }

  // The part of a Pool that says the same.
  void writeTo(PoolSource& pool, Report& report) const {
    if (labels_ != LabelSelector{}) pool.serviceSelectors = {labels_};
    pool.ignoreNamespaces = ignored_;
    if (namespaces_) pool.namespaces = *namespaces_;
    if (matchesNothing_ || (namespaces_ && namespaces_->empty())) {
      report.fault(pool.origin,
                   "spec.serviceSelector matches no Service, whatever its namespace: "
                   "remove the pool from the input");
    }
    if (byName_) {
      pool.autoAssign = false;
      report.lose(pool.origin,
                  std::string("spec.serviceSelector asks for ") + kName +
                      ", which has no equal: left out, and the Pool serves only those who ask for "
                      "it; give these Services a label in common and select by that");
    }
  }

 private:
  // True if it is about the namespace or the name.
  bool take(const Requirement& requirement) {
    if (requirement.key == kName) {
      byName_ = true;
      return true;
    }
    if (requirement.key != kNamespace) return false;
    if (requirement.op == "In") {
      takeNamespaces(requirement.values);
    } else if (requirement.op == "NotIn") {
      ignored_.insert(ignored_.end(), requirement.values.begin(), requirement.values.end());
    } else if (requirement.op == "DoesNotExist") {
      matchesNothing_ = true;
    }
    return true;
  }

  // In two lists are those that are in both.
  void takeNamespaces(const std::vector<std::string>& names) {
    if (!namespaces_) {
      namespaces_ = names;
      return;
    }
    std::erase_if(*namespaces_, [&](const std::string& name) { return !lists(names, name); });
  }

  LabelSelector labels_;
  std::optional<std::vector<std::string>> namespaces_;
  std::vector<std::string> ignored_;
  bool byName_ = false;
  bool matchesNothing_ = false;
};

void readBlocks(Fields& spec, const char* key, PoolSource& pool, Report& report) {
  for (Fields& block : spec.maps(key)) {
    const std::string cidr = block.text("cidr");
    const std::string start = block.text("start");
    const std::string stop = block.text("stop");
    std::string path = block.path();
    path.pop_back();
    if (cidr.empty() == start.empty()) {
      report.fault(pool.origin, path + " is not a block: write cidr, or start and stop");
      continue;
    }
    const std::string& first = cidr.empty() ? start : cidr;
    std::string range = first;
    if (!stop.empty()) range.append("-").append(stop);
    pool.addresses.push_back({path, std::move(range)});
    block.loseOthers();
  }
}

void readFirstAndLast(Fields& spec, PoolSource& pool, Report& report) {
  const std::string allowed = spec.text("allowFirstLastIPs");
  pool.firstAndLast = allowed != "No";
  if (!allowed.empty()) return;
  const auto matters = [](const Written& each) {
    const auto prefix = IpPrefix::parseNetwork(each.text);
    return prefix && prefix->range().sizeMinusOne() > 1;
  };
  if (std::none_of(pool.addresses.begin(), pool.addresses.end(), matters)) return;
  report.note(pool.origin,
              "spec.allowFirstLastIPs is not there, which means Yes since Cilium 1.16: set "
              "spec.allowFirstLast of the Pool to false if yours is older");
}

void readPool(const std::string& name, Fields& spec, const Origin& origin, Sources& sources,
              Report& report) {
  PoolSource pool;
  pool.origin = origin;
  pool.name = name;
  pool.path = spec.path();
  pool.bareAddresses = true;
  pool.allowSharing = model::AllowSharing::kNamespace;
  pool.announced = PoolSource::Announced::kByPolicies;
  readBlocks(spec, "blocks", pool, report);
  readBlocks(spec, "cidrs", pool, report);
  readFirstAndLast(spec, pool, report);
  if (const auto selector = spec.selector("serviceSelector")) {
    pool.servicesThere = {*selector};
    ServiceSelector(*selector).writeTo(pool, report);
  }
  if (spec.flag("disabled", false)) serveOnRequestOnly(pool, "spec.disabled", report);
  spec.loseOthers();
  sources.pools.push_back(std::move(pool));
}

Advertisement policyOf(const Origin& origin) {
  Advertisement policy;
  policy.origin = origin;
  policy.announces = PoolSource::Announced::kByPolicies;
  return policy;
}

// The name that the regular expression means, if it means just one.
std::optional<std::string> literalName(const std::string& expression) {
  const bool anchored =
      expression.size() > 2 && expression.front() == '^' && expression.back() == '$';
  if (!anchored) return std::nullopt;
  std::string name = expression.substr(1, expression.size() - 2);
  const bool literal = name.find_first_of("\\.+*?()|[]{}^$") == std::string::npos;
  return literal ? std::optional(std::move(name)) : std::nullopt;
}

std::vector<Written> interfacesOf(Fields& spec, const Origin& origin, Report& report) {
  std::vector<Written> names;
  for (const Written& each : spec.writtenTexts("interfaces")) {
    auto name = literalName(each.text);
    if (!name) {
      report.note(origin, each.path + " \"" + each.text +
                              "\" matches more than one name: nodes announce here whatever their "
                              "bind interface (--bind-iface of barevip-node) is called");
      return {};
    }
    names.push_back({each.path, std::move(*name)});
  }
  return names;
}

void readL2Policy(Fields& spec, const Origin& origin, Sources& sources, Report& report) {
  if (spec.flag("externalIPs", false)) {
    report.note(origin,
                "spec.externalIPs has no equal: barevip announces addresses of Pools only, so keep "
                "a policy with externalIPs alone if Services have some");
  }
  if (!spec.flag("loadBalancerIPs", false)) {
    report.note(origin, "spec.loadBalancerIPs is not true, so it announces no Pool: left out");
    return;
  }
  Advertisement policy = policyOf(origin);
  if (const auto selector = spec.selector("serviceSelector")) policy.serviceSelectors = {*selector};
  if (const auto selector = spec.selector("nodeSelector")) policy.nodeSelectors = {*selector};
  policy.interfaces = interfacesOf(spec, origin, report);
  spec.loseOthers();
  sources.advertisements.push_back(std::move(policy));
}

void addBgp(Fields& fields, const char* key, const Origin& origin, Sources& sources) {
  // Without a selector Services are not announced there.
  const auto selector = fields.selector(key);
  if (!selector) return;
  Advertisement policy = policyOf(origin);
  policy.protocol = Advertisement::Protocol::kBgp;
  policy.serviceSelectors = {*selector};
  sources.advertisements.push_back(std::move(policy));
}

// Of these only matters which Services they announce.
void readBgpAdvertisement(Fields& spec, const Origin& origin, Sources& sources) {
  for (Fields& each : spec.maps("advertisements")) {
    if (each.text("advertisementType") == "Service") addBgp(each, "selector", origin, sources);
  }
}

void readBgpPeeringPolicy(Fields& spec, const Origin& origin, Sources& sources) {
  for (Fields& each : spec.maps("virtualRouters")) {
    addBgp(each, "serviceSelector", origin, sources);
  }
}

}  // namespace

void readCilium(const std::string& kind, const std::string& name, Fields object,
                const Origin& origin, Sources& sources, Report& report) {
  Fields spec = object.map("spec");
  if (kind == "CiliumLoadBalancerIPPool") {
    readPool(name, spec, origin, sources, report);
  } else if (kind == "CiliumL2AnnouncementPolicy") {
    readL2Policy(spec, origin, sources, report);
  } else if (kind == "CiliumBGPAdvertisement") {
    readBgpAdvertisement(spec, origin, sources);
  } else if (kind == "CiliumBGPPeeringPolicy") {
    readBgpPeeringPolicy(spec, origin, sources);
  } else {
    // Most kinds of Cilium are about other things: networks, policies, endpoints.
    report.note(origin, "has nothing to do with Pools: left out");
  }
}

}  // namespace barevip::cli
