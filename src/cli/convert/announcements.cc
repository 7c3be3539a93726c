// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/announcements.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cli/convert/names.h"
#include "cli/convert/selectors.h"

namespace barevip::cli {
namespace {

using Announce = model::Pool::Announce;

constexpr const char* kLeadIt =
    "lead its addresses to the nodes by routes, or remove spec.announce to have ARP and NDP "
    "answered";

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

bool hasName(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> namesOf(const std::vector<Written>& interfaces, const Origin& origin,
                                 Report& report) {
  std::vector<std::string> names;
  names.reserve(interfaces.size());
  for (const Written& interface : interfaces) names.push_back(interface.text);
  names = withoutRepeats(names);
  if (names.empty()) return names;
  const std::string& path = interfaces.front().path;
  report.note(origin, path.substr(0, path.find('[')) +
                          ": barevip announces on one interface of each node, --bind-iface of "
                          "barevip-node: see that it is one of " +
                          listed(names));
  return names;
}

bool selects(const Advertisement& advertisement, const PoolSource& pool) {
  if (advertisement.announces != pool.announced) return false;
  if (coverage(pool.servicesThere, advertisement.serviceSelectors) == Coverage::kNone) return false;
  const auto& selectors = advertisement.poolSelectors;
  if (advertisement.pools.empty() && selectors.empty()) return true;
  return hasName(advertisement.pools, pool.name) ||
         std::any_of(selectors.begin(), selectors.end(), [&](const model::LabelSelector& selector) {
           return selector.matches(pool.labels);
         });
}

Announce notAnnounced() { return {model::AnnounceMode::kNone, {}, std::nullopt}; }

Announce settingsOf(const Advertisement& advertisement, Report& report) {
  if (advertisement.protocol == Advertisement::Protocol::kBgp) {
    report.note(advertisement.origin, "has no equal: barevip does not speak BGP");
    return notAnnounced();
  }
  Announce settings;
  settings.interfaces = namesOf(advertisement.interfaces, advertisement.origin, report);
  settings.nodeSelector =
      joined(advertisement.nodeSelectors, advertisement.origin, "spec.nodeSelectors", report);
  if (settings.nodeSelector == model::LabelSelector{}) settings.nodeSelector.reset();
  return settings;
}

// One announcement where at least one of them announces, and nowhere else, if it can be written.
std::optional<Announce> unionOf(const std::vector<Announce>& all) {
  const Announce& first = all.front();
  if (std::find(all.begin(), all.end(), Announce{}) != all.end()) return Announce{};
  if (std::all_of(all.begin(), all.end(),
                  [&](const Announce& each) { return each.interfaces == first.interfaces; })) {
    std::vector<model::LabelSelector> selectors;
    selectors.reserve(all.size());
    for (const Announce& each : all) {
      selectors.push_back(each.nodeSelector.value_or(model::LabelSelector{}));
    }
    auto nodes = cli::unionOf(selectors);
    if (!nodes) return std::nullopt;
    if (*nodes == model::LabelSelector{}) nodes.reset();
    return Announce{first.mode, first.interfaces, std::move(nodes)};
  }
  Announce result = first;
  bool everyInterface = false;
  for (const Announce& each : all) {
    if (each.nodeSelector != first.nodeSelector) return std::nullopt;
    everyInterface = everyInterface || each.interfaces.empty();
    result.interfaces.insert(result.interfaces.end(), each.interfaces.begin(),
                             each.interfaces.end());
  }
  result.interfaces = withoutRepeats(result.interfaces);
  if (everyInterface) result.interfaces.clear();
  return result;
}

}  // namespace

Announcements::Announcements(const Sources& sources, Report& report)
    : sources_(sources), report_(report) {
  for (const Advertisement& advertisement : sources.advertisements) {
    settings_.push_back(settingsOf(advertisement, report));
    for (const std::string& name : advertisement.pools) {
      const bool known = std::any_of(sources.pools.begin(), sources.pools.end(),
                                     [&](const PoolSource& pool) { return pool.name == name; });
      if (known) continue;
      report.note(advertisement.origin, "spec.ipAddressPools names \"" + name +
                                            "\", which is not in the input: convert both together");
    }
  }
}

Announce Announcements::of(const PoolSource& pool) const {
  switch (pool.announced) {
    case PoolSource::Announced::kL2: {
      Announce settings;
      settings.interfaces = namesOf(pool.interfaces, pool.origin, report_);
      return settings;
    }
    case PoolSource::Announced::kBgp:
      report_.lose(pool.origin, std::string("is announced by BGP, which barevip does not speak: "
                                            "announce.mode is None; ") +
                                    kLeadIt);
      return notAnnounced();
    case PoolSource::Announced::kByAdvertisements:
    case PoolSource::Announced::kByPolicies:
      break;
  }
  return byAdvertisements(pool);
}

Announce Announcements::byAdvertisements(const PoolSource& pool) const {
  const auto& all = sources_.advertisements;
  if (std::none_of(all.begin(), all.end(), [&](const Advertisement& advertisement) {
        return advertisement.announces == pool.announced;
      })) {
    return {};
  }
  std::vector<Announce> settings;
  bool byBgp = false;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const Advertisement& advertisement = all[i];
    if (!selects(advertisement, pool)) continue;
    if (advertisement.protocol == Advertisement::Protocol::kBgp) {
      byBgp = true;
      continue;
    }
    settings.push_back(settings_[i]);
    if (coverage(pool.servicesThere, advertisement.serviceSelectors) == Coverage::kAll) continue;
    report_.note(pool.origin, "is announced for some of its Services only by " +
                                  advertisement.origin.toString() +
                                  ": here for all; make a Pool with a serviceSelector for them");
  }
  if (settings.empty()) {
    const std::string rest = std::string(": announce.mode is None; ") + kLeadIt;
    if (byBgp) {
      report_.lose(pool.origin, "is announced by BGP only, which barevip does not speak" + rest);
    } else {
      report_.note(pool.origin, "is selected by no advertisement, so nobody announces it" + rest);
    }
    return notAnnounced();
  }
  if (byBgp) {
    report_.lose(pool.origin,
                 "is announced by BGP, too, which barevip does not speak: only ARP and NDP "
                 "announce it here");
  }
  if (auto joint = unionOf(settings)) return std::move(*joint);
  report_.lose(pool.origin,
               "is selected by advertisements that differ, and a Pool has one announce: only the "
               "first is taken; make a Pool for each, or one advertisement for all");
  return settings.front();
}

}  // namespace barevip::cli
