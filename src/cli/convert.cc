// SPDX-License-Identifier: Apache-2.0
#include "cli/convert.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "cli/addresses.h"
#include "cli/announcements.h"
#include "cli/names.h"
#include "cli/overlaps.h"
#include "cli/selectors.h"

namespace barevip::cli {
namespace {

constexpr std::int64_t kDefaultPriority = 100;  // crds/pool.yaml, as the next one
constexpr std::int64_t kMaxPriority = 1'000'000;

void checkNames(const std::vector<PoolSource>& pools, Report& report) {
  std::map<std::string, const PoolSource*> byName;
  for (const PoolSource& pool : pools) {
    if (!isPoolName(pool.name)) {
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

// MetalLB tries pools without a priority last; ours have a default in the middle of the numbers.
class Priorities {
 public:
  Priorities(const std::vector<PoolSource>& pools, Report& report) : report_(report) {
    for (const PoolSource& pool : pools) {
      if (pool.priority != 0) last_ = std::max(last_, within(pool.priority) + 1);
    }
    last_ = std::min(last_, kMaxPriority);
  }

  [[nodiscard]] std::int32_t of(const PoolSource& pool) const {
    if (pool.priority == 0) return static_cast<std::int32_t>(last_);
    const std::int64_t priority = within(pool.priority);
    const std::string field = pool.path + "serviceAllocation.priority";
    if (priority != pool.priority) {
      report_.note(pool.origin, field + " " + std::to_string(pool.priority) +
                                    " is out of range: written as " + std::to_string(priority));
    }
    if (priority >= kDefaultPriority) {
      report_.note(pool.origin, field + " " + std::to_string(priority) +
                                    " is not below barevip's default of " +
                                    std::to_string(kDefaultPriority) +
                                    ": Pools without a priority get " + std::to_string(last_));
    }
    return static_cast<std::int32_t>(priority);
  }

 private:
  static std::int64_t within(std::int64_t priority) {
    return std::clamp<std::int64_t>(priority, 0, kMaxPriority - 1);
  }

  Report& report_;
  std::int64_t last_ = kDefaultPriority;
};

std::vector<std::string> textsOf(const std::vector<Entry>& entries) {
  std::vector<std::string> texts;
  texts.reserve(entries.size());
  for (const Entry& entry : entries) texts.push_back(entry.text);
  return texts;
}

void convertAllocation(const PoolSource& source, model::Pool& pool, Report& report) {
  const std::string path = source.path + "serviceAllocation";
  pool.namespaces = withoutRepeats(source.namespaces);
  pool.namespaceSelector =
      joined(source.namespaceSelectors, source.origin, path + ".namespaceSelectors", report);
  pool.serviceSelector =
      joined(source.serviceSelectors, source.origin, path + ".serviceSelectors", report);
  const bool open = pool.namespaces.empty() && !pool.namespaceSelector && !pool.serviceSelector;
  if (source.allocation && open && source.priority == 0) {
    report.note(source.origin, path +
                                   " says nothing: the Pool is open to all and not tried before "
                                   "others that are; set spec.priority below 100 for that");
  }
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
                      "\": of two that overlap only the older Pool gives addresses; take them out "
                      "of one, for example by spec.exclude");
    }
  }
}

// Without advertisements nothing tells how MetalLB's pools are announced.
void noteMissingAdvertisements(const Sources& sources, const std::vector<Converted>& all,
                               Report& report) {
  if (!sources.advertisements.empty()) return;
  const auto first = std::find_if(all.begin(), all.end(), [](const Converted& converted) {
    return converted.source->announced == PoolSource::Announced::kByAdvertisements;
  });
  if (first == all.end()) return;
  report.note(first->source->origin,
              "no advertisement is in the input, so Pools are announced by ARP and NDP on all "
              "nodes: convert the L2Advertisements together with the pools if there are any");
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
    pool.exclude = textsOf(given.exclude);
    pool.avoidBuggyIps = source.avoidBuggyIps;
    pool.avoidGatewayIps = source.avoidGatewayIps;
    pool.autoAssign = source.autoAssign;
    pool.priority = priorities.of(source);
    if (source.rules == PoolSource::Rules::kMetalLb) {
      pool.allowSharing = model::AllowSharing::kCluster;
    }
    pool.ignoreNamespaces = withoutRepeats(source.ignoreNamespaces);
    convertAllocation(source, pool, report);
    pool.announce = announcements.of(source);
    all.push_back({&source, std::move(pool), given});
  }
  noteOverlaps(all, report);
  noteMissingAdvertisements(sources, all, report);
  std::vector<model::Pool> pools;
  pools.reserve(all.size());
  for (Converted& converted : all) pools.push_back(std::move(converted.pool));
  return pools;
}

}  // namespace barevip::cli
