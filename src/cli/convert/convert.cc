// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/convert.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "barevip/base/ip.h"

#include "cli/convert/addresses.h"
#include "cli/convert/announcements.h"
#include "cli/convert/fitting.h"
#include "cli/convert/limits.h"
#include "cli/convert/names.h"
#include "cli/convert/overlaps.h"
#include "cli/convert/selectors.h"
#include "common/base/dns_name.h"

namespace barevip::cli {
namespace {

void checkNames(const std::vector<PoolSource>& pools, Report& report) {
  std::map<std::string, const PoolSource*> byName;
  for (const PoolSource& pool : pools) {
    if (!isDnsSubdomain(pool.name)) {
      report.fault(pool.origin, "\"" + pool.name +
                                    "\" cannot be the name of a Pool: write lower case letters, "
                                    "digits, '-' and '.'");
      continue;
    }
    const auto [earlier, isNew] = byName.emplace(pool.name, &pool);
    if (isNew) continue;
    report.fault(pool.origin, "becomes the Pool \"" + pool.name + "\", as does " +
                                  earlier->second->origin.toString() +
                                  ": Pools are not in namespaces, so give one another name");
  }
}

// Pools without a priority go last there; ours have a default in the middle of the numbers.
class Priorities {
 public:
  Priorities(const std::vector<PoolSource>& pools, Report& report) : report_(report) {
    for (const PoolSource& pool : pools) {
      if (pool.priority) last_ = std::max(last_, within(*pool.priority) + 1);
    }
    last_ = std::min(last_, limits::kMaxPriority);
  }

  [[nodiscard]] std::int32_t of(const PoolSource& pool) const {
    if (!pool.priority) return static_cast<std::int32_t>(last_);
    const std::int64_t priority = within(*pool.priority);
    const std::string field = pool.path + "priority";
    if (priority != *pool.priority) {
      report_.note(pool.origin, field + " " + std::to_string(*pool.priority) +
                                    " is out of range: written as " + std::to_string(priority));
    }
    if (priority >= limits::kDefaultPriority) {
      report_.note(pool.origin, field + " " + std::to_string(priority) +
                                    " is not below barevip's default of " +
                                    std::to_string(limits::kDefaultPriority) +
                                    ": Pools without a priority get " + std::to_string(last_));
    }
    return static_cast<std::int32_t>(priority);
  }

 private:
  static std::int64_t within(std::int64_t priority) {
    return std::clamp<std::int64_t>(priority, 0, limits::kMaxPriority - 1);
  }

  Report& report_;
  std::int64_t last_ = limits::kDefaultPriority;
};

std::vector<std::string> textsOf(const std::vector<Entry>& entries) {
  std::vector<std::string> texts;
  texts.reserve(entries.size());
  for (const Entry& entry : entries) texts.push_back(entry.text);
  return texts;
}

void convertAllocation(const PoolSource& source, model::Pool& pool, Report& report) {
  std::vector<model::LabelSelector> selectors = source.namespaceSelectors;
  std::vector<std::string> names = source.namespaces;
  const std::vector<std::string> selected = takeNamespaceNames(selectors);
  names.insert(names.end(), selected.begin(), selected.end());
  pool.namespaces = withoutRepeats(names);
  pool.namespaceSelector =
      joined(selectors, source.origin, source.path + "namespaceSelectors", report);
  pool.serviceSelector =
      joined(source.serviceSelectors, source.origin, source.path + "serviceSelectors", report);
  pool.ignoreNamespaces = withoutRepeats(source.ignoreNamespaces);
}

struct Converted {
  const PoolSource* source;
  model::Pool pool;
  Given given;
};

void noteOverlaps(const std::vector<Converted>& all, Report& report) {
  for (auto later = all.begin(); later != all.end(); ++later) {
    for (auto earlier = all.begin(); earlier != later; ++earlier) {
      const auto part = commonPart(earlier->given, later->given);
      if (!part) continue;
      report.note(later->source->origin,
                  "has " + part->toString() + " in common with the Pool \"" +
                      earlier->pool.key.name +
                      "\": of two that overlap only the older Pool allocates; take them out "
                      "of one, for example by spec.exclude");
    }
  }
}

// Without advertisements nothing tells how pools of this kind are announced.
void noteMissing(PoolSource::Announced kind, const char* kindNames, const Sources& sources,
                 const std::vector<Converted>& all, Report& report) {
  if (std::any_of(sources.advertisements.begin(), sources.advertisements.end(),
                  [&](const Advertisement& each) { return each.announces == kind; })) {
    return;
  }
  const auto first = std::find_if(all.begin(), all.end(), [&](const Converted& converted) {
    return converted.source->announced == kind;
  });
  if (first == all.end()) return;
  report.note(first->source->origin,
              std::string("no advertisement is in the input, so Pools are announced by ARP and NDP "
                          "on all nodes: convert the ") +
                  kindNames + " together with the pools if there are any");
}

// Where the sources give what Pools leave out of a prefix by default: nobody may lose an address.
bool hasFirstAndLast(const std::vector<std::string>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const std::string& entry) {
    const auto range = IpRange::parse(entry);
    return range && entry.find('/') != std::string::npos && range->sizeMinusOne() > 1;
  });
}

}  // namespace

std::vector<model::Pool> convert(const Sources& sources, Report& report) {
  checkNames(sources.pools, report);
  const Announcements announcements(sources, report);
  const Priorities priorities(sources.pools, report);
  std::vector<Converted> all;
  for (const PoolSource& source : sources.pools) {
    const std::size_t faults = report.faults.size();
    const Given given{convertAddresses(source, report), convertFilters(source, report)};
    if (given.addresses.empty()) {
      if (report.faults.size() == faults) {
        report.note(source.origin, "has no address to give: left out");
      }
      continue;
    }
    model::Pool pool;
    pool.key.name = source.name;
    pool.addresses = textsOf(given.addresses);
    pool.allowFirstLast = source.firstAndLast && hasFirstAndLast(pool.addresses);
    pool.exclude = textsOf(given.exclude);
    pool.avoidBuggyIps = source.avoidBuggyIps;
    pool.avoidGatewayIps = source.avoidGatewayIps;
    pool.autoAssign = source.autoAssign;
    pool.priority = priorities.of(source);
    pool.allowSharing = source.allowSharing;
    convertAllocation(source, pool, report);
    pool.announce = announcements.of(source);
    fitToSchema(pool, source.origin, report);
    all.push_back({&source, std::move(pool), given});
  }
  noteOverlaps(all, report);
  noteMissing(PoolSource::Announced::kByAdvertisements, "L2Advertisements", sources, all, report);
  noteMissing(PoolSource::Announced::kByPolicies, "CiliumL2AnnouncementPolicies", sources, all,
              report);
  std::vector<model::Pool> pools;
  pools.reserve(all.size());
  for (Converted& converted : all) pools.push_back(std::move(converted.pool));
  return pools;
}

}  // namespace barevip::cli
