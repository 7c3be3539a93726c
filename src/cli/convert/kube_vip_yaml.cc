// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/kube_vip_yaml.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"

namespace barevip::cli {
namespace {

constexpr const char* kGlobal = "global";  // in place of a namespace: all others
constexpr const char* kCidr = "cidr-";
constexpr const char* kRange = "range-";
constexpr const char* kInterface = "interface-";
constexpr const char* kAllowShare = "allow-share-";

bool isAddresses(const std::string& key) {
  return key.starts_with(kCidr) || key.starts_with(kRange);
}

// As strconv.ParseBool of Go.
bool isTrue(const std::string& text) {
  static const std::set<std::string> kTrue{"1", "t", "T", "TRUE", "true", "True"};
  return kTrue.contains(text);
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> entries;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = list.find(',', begin);
    entries.push_back(list.substr(begin, comma == std::string::npos ? comma : comma - begin));
  }
  return entries;
}

// With skip-end-ips-in-cidr IPv4 prefixes lose their ends, and IPv6 prefixes do not: a Pool gives
// ranges whole.
std::string asWhole(const std::string& entry) {
  const auto prefix = IpPrefix::parseNetwork(entry);
  if (!prefix || prefix->network.isIpv4()) return entry;
  return prefix->range().toString();
}

class Config {
 public:
  Config(Fields data, const Origin& origin, Report& report)
      : data_(std::move(data)),
        origin_(origin),
        report_(report),
        skipEnds_(data_.text("skip-end-ips-in-cidr") == "true") {
    for (const std::string& key : data_.keys()) {
      for (const char* const prefix : {kCidr, kRange, kInterface, kAllowShare}) {
        if (!key.starts_with(prefix)) continue;
        values_[prefix][key.substr(std::string(prefix).size())] = data_.text(key.c_str());
      }
    }
  }

  void addPools(Sources& sources) {
    for (const char* const prefix : {kCidr, kRange}) {
      for (const auto& [ns, list] : values_[prefix]) {
        if (const std::string first = keyBefore(prefix, ns); !first.empty()) {
          report_.note(origin_, path(prefix, ns) + " is not read there, since " + first +
                                    " goes first: left out");
          continue;
        }
        pools_.insert(ns);
        addPool(prefix, ns, list, sources);
      }
    }
    reportGlobal();
    reportSharing();
    reportInterfaces();
    if (data_.text("search-order") == "desc") {
      data_.noteNoEqual("search-order", "barevip gives the lowest free address");
    }
    data_.has("kubevip-services");  // written by old versions: the Services, not the addresses
    data_.loseOthers();
  }

 private:
  [[nodiscard]] static std::string path(const char* prefix, const std::string& ns) {
    return std::string("data.") + prefix + ns;
  }

  bool has(const char* prefix, const std::string& ns) { return values_[prefix].contains(ns); }

  // The key that kube-vip reads in the place of this one, if any: cidr before range, and a
  // namespace's own cidr before the one of all.
  std::string keyBefore(const std::string& prefix, const std::string& ns) {
    if (prefix == kCidr) return {};
    if (has(kCidr, ns)) return path(kCidr, ns);
    return has(kCidr, kGlobal) ? path(kCidr, kGlobal) : std::string();
  }

  void addPool(const char* prefix, const std::string& ns, const std::string& list,
               Sources& sources) {
    PoolSource pool;
    pool.origin = origin_;
    pool.name = "kube-vip-" + ns;
    pool.path = "data.";
    pool.firstAndLast = !skipEnds_;
    pool.allowSharing =
        ns == kGlobal ? model::AllowSharing::kCluster : model::AllowSharing::kNamespace;
    pool.announced = PoolSource::Announced::kL2;
    if (ns != kGlobal) pool.namespaces = {ns};
    for (const char* const of : {ns.c_str(), kGlobal}) {
      if (!has(kInterface, of)) continue;
      pool.interfaces = {{path(kInterface, of), values_[kInterface][of]}};
      break;
    }
    for (const std::string& entry : split(list)) {
      if (entry == "0.0.0.0/32") {
        report_.lose(origin_, path(prefix, ns) +
                                  " asks a DHCP server for addresses (0.0.0.0/32), which has no "
                                  "equal: left out; give the Pool addresses of its own");
        continue;
      }
      pool.addresses.push_back({path(prefix, ns), skipEnds_ ? asWhole(entry) : entry});
    }
    sources.pools.push_back(std::move(pool));
  }

  void reportGlobal() {
    if (!pools_.contains(kGlobal) || pools_.size() == 1) return;
    report_.note(origin_,
                 "the Pool \"kube-vip-global\" also serves namespaces with a Pool of their own, "
                 "once that one is full: list them in its spec.ignoreNamespaces to prevent it");
  }

  void reportSharing() {
    for (const auto& [ns, value] : values_[kAllowShare]) {
      if (!isTrue(value)) continue;
      report_.lose(origin_,
                   path(kAllowShare, ns) +
                       ": Services share an address here only if they ask for it by the "
                       "annotation barevip.dev/share, so that the Pool may be full sooner");
    }
  }

  // Namespaces that have an interface of their own in a Pool that they have in common.
  void reportInterfaces() {
    for (const auto& [ns, name] : values_[kInterface]) {
      if (ns == kGlobal || pools_.contains(ns)) continue;
      report_.lose(origin_, path(kInterface, ns) +
                                " has no equal: left out, since the namespace has no Pool of its "
                                "own; give it one");
    }
  }

  Fields data_;
  const Origin& origin_;
  Report& report_;
  bool skipEnds_;
  std::map<std::string, std::map<std::string, std::string>> values_;  ///< prefix, namespace, text
  std::set<std::string> pools_;                                       ///< namespaces
};

}  // namespace

bool isKubeVip(const Fields& data) {
  const std::vector<std::string> keys = data.keys();
  return std::any_of(keys.begin(), keys.end(), isAddresses);
}

void readKubeVip(Fields data, const Origin& origin, Sources& sources, Report& report) {
  Config(std::move(data), origin, report).addPools(sources);
}

}  // namespace barevip::cli
