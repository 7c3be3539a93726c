// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/metallb_yaml.h"

#include <utility>

namespace barevip::cli {
namespace {

using Announced = PoolSource::Announced;

constexpr const char* kNoBgp = "barevip does not speak BGP";

void readAddressPool(const std::string& name, Fields& spec, Fields metadata, const Origin& origin,
                     Sources& sources, Report& report) {
  PoolSource pool;
  pool.origin = origin;
  pool.name = name;
  pool.labels = metadata.textMap("labels");
  pool.addresses = spec.writtenTexts("addresses");
  pool.autoAssign = spec.flag("autoAssign", true);
  pool.avoidBuggyIps = spec.flag("avoidBuggyIPs", false);
  const bool allocated = spec.has("serviceAllocation");
  Fields allocation = spec.map("serviceAllocation");
  pool.path = allocation.path();
  const std::int64_t priority = allocation.integer("priority", 0);
  if (priority != 0) pool.priority = priority;
  pool.namespaces = allocation.texts("namespaces");
  pool.namespaceSelectors = allocation.selectors("namespaceSelectors");
  pool.serviceSelectors = allocation.selectors("serviceSelectors");
  pool.servicesThere = pool.serviceSelectors;
  const bool open = pool.namespaces.empty() && pool.namespaceSelectors.empty() &&
                    pool.serviceSelectors.empty() && !pool.priority;
  if (allocated && open) {
    report.note(origin,
                "spec.serviceAllocation says nothing: the Pool is open to all and not tried before "
                "others that are; set spec.priority below 100 for that");
  }
  allocation.loseOthers();
  spec.loseOthers();
  sources.pools.push_back(std::move(pool));
}

// How pools were announced before there were advertisements.
Announced announcedBy(const std::string& protocol, const std::string& path, const Origin& origin,
                      Report& report) {
  if (protocol == "bgp") return Announced::kBgp;
  if (protocol != "layer2") {
    report.fault(origin, path + "protocol \"" + protocol + "\" is unknown: write layer2 or bgp");
  }
  return Announced::kL2;
}

// AddressPool, deprecated since 0.13.
void readLegacyPool(const std::string& name, Fields& spec, const Origin& origin, Sources& sources,
                    Report& report) {
  PoolSource pool;
  pool.origin = origin;
  pool.name = name;
  pool.announced = announcedBy(spec.text("protocol"), spec.path(), origin, report);
  pool.addresses = spec.writtenTexts("addresses");
  pool.autoAssign = spec.flag("autoAssign", true);
  pool.avoidBuggyIps = spec.flag("avoidBuggyIPs", false);
  spec.noteNoEqual("bgpAdvertisements", kNoBgp);
  spec.loseOthers();
  sources.pools.push_back(std::move(pool));
}

void readL2Advertisement(Fields& spec, const Origin& origin, Sources& sources) {
  Advertisement advertisement;
  advertisement.origin = origin;
  advertisement.pools = spec.texts("ipAddressPools");
  advertisement.poolSelectors = spec.selectors("ipAddressPoolSelectors");
  advertisement.nodeSelectors = spec.selectors("nodeSelectors");
  advertisement.serviceSelectors = spec.selectors("serviceSelectors");
  advertisement.interfaces = spec.writtenTexts("interfaces");
  spec.noteNoEqual("preferredNodeSelectors",
                   "barevip spreads addresses evenly over the nodes that may announce");
  spec.loseOthers();
  sources.advertisements.push_back(std::move(advertisement));
}

// Of these only matters which Pools they announce.
void readBgpAdvertisement(Fields& spec, const Origin& origin, Sources& sources) {
  Advertisement advertisement;
  advertisement.origin = origin;
  advertisement.protocol = Advertisement::Protocol::kBgp;
  advertisement.pools = spec.texts("ipAddressPools");
  advertisement.poolSelectors = spec.selectors("ipAddressPoolSelectors");
  advertisement.serviceSelectors = spec.selectors("serviceSelectors");
  sources.advertisements.push_back(std::move(advertisement));
}

}  // namespace

void readMetalLb(const std::string& kind, const std::string& name, Fields object,
                 const Origin& origin, Sources& sources, Report& report) {
  Fields spec = object.map("spec");
  if (kind == "IPAddressPool") {
    readAddressPool(name, spec, object.map("metadata"), origin, sources, report);
  } else if (kind == "AddressPool") {
    readLegacyPool(name, spec, origin, sources, report);
  } else if (kind == "L2Advertisement") {
    readL2Advertisement(spec, origin, sources);
  } else if (kind == "BGPAdvertisement") {
    readBgpAdvertisement(spec, origin, sources);
  } else if (kind == "BGPPeer" || kind == "BFDProfile" || kind == "Community") {
    report.note(origin, std::string("has no equal: left out; ") + kNoBgp);
  } else if (kind != "ServiceL2Status" && kind != "ServiceBGPStatus" &&
             kind != "ConfigurationState") {
    // Those three only report, so there is nothing to say about them.
    report.lose(origin, "has no equal: left out");
  }
}

void readMetalLbConfig(Fields config, const Origin& origin, Sources& sources, Report& report) {
  for (Fields& fields : config.maps("address-pools")) {
    PoolSource pool;
    pool.origin = origin;
    pool.name = fields.text("name");
    pool.origin.object += ", pool \"" + pool.name + "\"";
    pool.announced = announcedBy(fields.text("protocol"), fields.path(), pool.origin, report);
    pool.addresses = fields.writtenTexts("addresses");
    pool.autoAssign = fields.flag("auto-assign", true);
    pool.avoidBuggyIps = fields.flag("avoid-buggy-ips", false);
    fields.noteNoEqual("bgp-advertisements", kNoBgp);
    fields.loseOthers();
    sources.pools.push_back(std::move(pool));
  }
  for (const char* const key : {"peers", "bgp-communities", "bfd-profiles"}) {
    config.noteNoEqual(key, kNoBgp);
  }
  config.loseOthers();
}

}  // namespace barevip::cli
