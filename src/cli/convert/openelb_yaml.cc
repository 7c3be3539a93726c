// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/openelb_yaml.h"

#include <utility>
#include <vector>

namespace barevip::cli {
namespace {

using Announced = PoolSource::Announced;

constexpr const char* kIsDefault = "eip.openelb.kubesphere.io/is-default-eip";

Announced announcedBy(const std::string& protocol, const Origin& origin, Report& report) {
  if (protocol == "layer2" || protocol == "vip") return Announced::kL2;
  if (!protocol.empty() && protocol != "bgp") {
    report.fault(origin, "spec.protocol \"" + protocol + "\" is unknown: write layer2, vip or bgp");
  }
  return Announced::kBgp;
}

void readInterface(Fields& spec, PoolSource& pool, Report& report) {
  const std::vector<Written> interface = spec.writtenText("interface");
  if (interface.empty() || pool.announced != Announced::kL2) return;
  if (interface.front().text.find(':') == std::string::npos) {
    pool.interfaces = interface;
    return;
  }
  report.note(pool.origin, "spec.interface \"" + interface.front().text +
                               "\" names an address to reach: choose the interface of each node "
                               "by --bind-iface of barevip-node");
}

// Who gets an address without asking for this Eip: the namespaces that it is bound to, or all that
// have no other one.
void readNamespaces(Fields& spec, bool isDefault, PoolSource& pool, Report& report) {
  std::vector<std::string> namespaces = spec.texts("namespaces");
  model::StringMap labels = spec.textMap("namespaceSelector");
  const std::int64_t priority = spec.integer("priority", 0);
  const bool bound = !namespaces.empty() || !labels.empty();
  pool.autoAssign = bound || isDefault;
  if (!bound) return;
  if (isDefault) {
    report.note(
        pool.origin,
        "is the default, too: the Pool serves all namespaces, and those that spec.namespaces "
        "and spec.namespaceSelector name are not served first");
    return;
  }
  report.lose(pool.origin,
              "spec.namespaces and spec.namespaceSelector say there who gets an address without "
              "asking: here no other namespace gets one that asks for it; serve these by another "
              "Pool");
  pool.priority = priority;
  pool.namespaces = std::move(namespaces);
  if (!labels.empty()) pool.namespaceSelectors = {{std::move(labels), {}}};
}

void readEip(const std::string& name, Fields& spec, bool isDefault, const Origin& origin,
             Sources& sources, Report& report) {
  PoolSource pool;
  pool.origin = origin;
  pool.name = name;
  pool.path = spec.path();
  pool.bareAddresses = true;
  pool.addresses = spec.writtenText("address");
  pool.announced = announcedBy(spec.text("protocol"), origin, report);
  readInterface(spec, pool, report);
  readNamespaces(spec, isDefault, pool, report);
  if (spec.flag("usingKnownIPs", false)) {
    spec.noteNoEqual("usingKnownIPs", "barevip gives whatever address of the Pool is free");
  }
  if (spec.flag("disable", false)) serveOnRequestOnly(pool, "spec.disable", report);
  spec.loseOthers();
  sources.pools.push_back(std::move(pool));
}

}  // namespace

void readOpenElb(const std::string& kind, const std::string& name, Fields object,
                 const Origin& origin, Sources& sources, Report& report) {
  Fields spec = object.map("spec");
  if (kind == "Eip") {
    const model::StringMap annotations = object.map("metadata").textMap("annotations");
    const auto found = annotations.find(kIsDefault);
    const bool isDefault = found != annotations.end() && found->second == "true";
    readEip(name, spec, isDefault, origin, sources, report);
  } else if (kind == "BgpConf" || kind == "BgpPeer") {
    report.note(origin, "has no equal: left out; barevip does not speak BGP");
  } else {
    report.note(origin, "has nothing to do with Pools: left out");
  }
}

}  // namespace barevip::cli
