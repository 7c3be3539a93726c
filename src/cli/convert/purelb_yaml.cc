// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/purelb_yaml.h"

#include <utility>
#include <vector>

namespace barevip::cli {
namespace {

// A range with the subnet that it lies in, which barevip does not need to know.
void readRange(Fields& range, PoolSource& pool) {
  for (Written& each : range.writtenText("pool")) pool.addresses.push_back(std::move(each));
  range.text("subnet");
  // What routers are told, when routing software is used.
  const std::string aggregation = range.text("aggregation");
  if (aggregation == "/32" || aggregation == "/128" || aggregation == "default") return;
  range.noteNoEqual("aggregation", "barevip announces single addresses");
}

// spec.local, and spec.remote, which looks the same.
void readRanges(Fields fields, PoolSource& pool) {
  readRange(fields, pool);  // as before there was dual stack
  for (const char* const key : {"v4pool", "v6pool"}) {
    Fields range = fields.map(key);
    readRange(range, pool);
    range.loseOthers();
  }
  for (const char* const key : {"v4pools", "v6pools"}) {
    for (Fields& range : fields.maps(key)) {
      readRange(range, pool);
      range.loseOthers();
    }
  }
  if (fields.flag("multiPool", false)) {
    fields.loseNoEqual("multiPool", "a Service has one address of each family here");
  }
  if (fields.flag("balancePools", false)) {
    fields.noteNoEqual("balancePools", "barevip gives the lowest free address");
  }
  if (fields.flag("skipIPv6DAD", false)) {
    fields.noteNoEqual("skipIPv6DAD", "barevip asks whether another machine has an address");
  }
  fields.loseOthers();
}

// Who gets addresses of a group without asking for it.
void readNamespaces(Fields& spec, PoolSource& pool, Report& report) {
  pool.namespaces = spec.texts("namespaces");
  pool.autoAssign = pool.name == "default" || !pool.namespaces.empty();
  if (spec.flag("namespaceDefault", false)) pool.priority = 1;
  const bool enforced = spec.flag("enforceNamespaces", false);
  if (pool.namespaces.empty()) return;
  if (!enforced) {
    report.lose(pool.origin,
                "spec.namespaces is only a default there, as spec.enforceNamespaces is not true: "
                "here no other namespace gets an address that asks for it; set enforceNamespaces "
                "if that is meant");
    return;
  }
  report.note(pool.origin,
              "spec.enforceNamespaces keeps the Pool for its namespaces, but these may have "
              "addresses of other Pools, too: list them in spec.ignoreNamespaces of those");
}

void readServiceGroup(const std::string& name, Fields& spec, const Origin& origin, Sources& sources,
                      Report& report) {
  PoolSource pool;
  pool.origin = origin;
  pool.name = name;
  pool.path = spec.path();
  pool.announced = PoolSource::Announced::kL2;
  for (const char* const key : {"netbox", "external"}) {
    spec.loseNoEqual(key, "its addresses come from elsewhere, so give the Pool some of its own");
  }
  readRanges(spec.map("local"), pool);
  if (spec.has("remote")) {
    pool.announced = PoolSource::Announced::kBgp;
    readRanges(spec.map("remote"), pool);
  }
  readNamespaces(spec, pool, report);
  spec.loseOthers();
  sources.pools.push_back(std::move(pool));
}

}  // namespace

void readPureLb(const std::string& kind, const std::string& name, Fields object,
                const Origin& origin, Sources& sources, Report& report) {
  Fields spec = object.map("spec");
  if (kind == "ServiceGroup") {
    readServiceGroup(name, spec, origin, sources, report);
  } else if (kind == "LBNodeAgent") {
    report.note(origin,
                "has no equal: left out; choose the interface of each node by --bind-iface of "
                "barevip-node");
  } else {
    report.lose(origin, "has no equal: left out");
  }
}

}  // namespace barevip::cli
