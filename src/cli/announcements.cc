// SPDX-License-Identifier: Apache-2.0
#include "cli/announcements.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cli/names.h"
#include "cli/selectors.h"

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

bool selects(const Advertisement& advertisement, const PoolSource& pool) {
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
  settings.interfaces = withoutRepeats(advertisement.interfaces);
  if (!settings.interfaces.empty()) {
    report.note(advertisement.origin,
                "spec.interfaces: barevip announces on one interface of each node, --bind-iface of "
                "barevip-node: see that it is one of " +
                    listed(settings.interfaces));
  }
  settings.nodeSelector =
      joined(advertisement.nodeSelectors, advertisement.origin, "spec.nodeSelectors", report);
  if (settings.nodeSelector == model::LabelSelector{}) settings.nodeSelector.reset();
  return settings;
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
    case PoolSource::Announced::kL2:
      return {};
    case PoolSource::Announced::kBgp:
      report_.note(pool.origin, std::string("is announced by BGP, which barevip does not speak: "
                                            "announce.mode is None; ") +
                                    kLeadIt);
      return notAnnounced();
    case PoolSource::Announced::kByAdvertisements:
      break;
  }
  return byAdvertisements(pool);
}

Announce Announcements::byAdvertisements(const PoolSource& pool) const {
  if (sources_.advertisements.empty()) return {};
  std::vector<Announce> settings;
  bool byBgp = false;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const Advertisement& advertisement = sources_.advertisements[i];
    if (!selects(advertisement, pool)) continue;
    if (advertisement.protocol == Advertisement::Protocol::kBgp) {
      byBgp = true;
    } else {
      settings.push_back(settings_[i]);
    }
  }
  if (settings.empty()) {
    report_.note(pool.origin,
                 std::string(byBgp ? "is announced by BGP only, which barevip does not speak"
                                   : "is selected by no advertisement, so nobody announces it") +
                     ": announce.mode is None; " + kLeadIt);
    return notAnnounced();
  }
  // What one of them announces everywhere, no other one restricts.
  if (std::find(settings.begin(), settings.end(), Announce{}) != settings.end()) return {};
  const bool same = std::all_of(settings.begin(), settings.end(),
                                [&](const Announce& each) { return each == settings.front(); });
  if (!same) {
    report_.note(pool.origin,
                 "is selected by L2Advertisements that differ, and a Pool has one announce: only "
                 "the first is taken; make a Pool for each, or one advertisement for all");
  }
  return settings.front();
}

}  // namespace barevip::cli
