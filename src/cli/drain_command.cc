// SPDX-License-Identifier: Apache-2.0
#include "cli/drain_command.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "barevip/kube/store.h"

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/node_label.h"
#include "cli/view/handover.h"
#include "common/base/stop_at.h"
#include "common/kube/reflector.h"
#include "common/model/ip_object_json.h"
#include "view/text.h"

namespace barevip::cli {
namespace {

constexpr std::chrono::milliseconds kLookInterval{200};
constexpr std::chrono::seconds kAskAgain{1};
constexpr std::size_t kMostNamed = 20;

std::string countOf(std::size_t vips) {
  return std::to_string(vips) + (vips == 1 ? " VIP" : " VIPs");
}

// The first of them, by commas.
std::string namesOf(const std::set<std::string>& vips) {
  std::vector<std::string> named(vips.begin(), vips.end());
  named.resize(std::min(named.size(), kMostNamed));
  std::string text = view::listed(named, [](const auto& vip) { return vip; });
  if (named.size() < vips.size()) {
    text += " and " + std::to_string(vips.size() - named.size()) + " more";
  }
  return text;
}

/// One drain: its steps in order.
class Drain {
 public:
  Drain(const DrainOptions& options, kube::Api& api, const Clock& clock, const Terminal& terminal,
        const std::stop_token& stop)
      : options_(options), api_(api), clock_(clock), terminal_(terminal), stop_(stop) {}

  int run() {
    const auto cluster = ask(api_, clock_, terminal_, stop_);
    if (!cluster) return kCannotAsk;
    const auto& nodes = cluster->state.nodes;
    const auto node = std::find_if(nodes.begin(), nodes.end(), [&](const auto& each) {
      return each->key.name == options_.node;
    });
    if (node == nodes.end()) {
      return cannot("there is no Node \"" + options_.node + "\": kubectl get nodes lists them");
    }
    look(*cluster);
    if (exclusionOf((*node)->labels) == Exclusion::kNone && strands()) return refuse();
    const auto before = exclude(api_, options_.node, stop_);
    if (!before) return cannot(before.error().message);
    sayExclusion(*before);
    // The node may have got a VIP before it had the label.
    end_ = clock_.now() + options_.timeout;
    auto after = ask(api_, clock_, terminal_, stop_);
    while (!after && clock_.now() < end_ && pauseFor(clock_, kAskAgain, stop_)) {
      after = ask(api_, clock_, terminal_, stop_);
    }
    if (!after) return kCannotAsk;
    look(*after);
    if (*before == Exclusion::kNone && strands()) return takeBack();
    return handOver();
  }

 private:
  int cannot(const std::string& why) {
    terminal_.messages << "error: " << why << "\n";
    return kCannotAsk;
  }

  int fault(const std::string& what) {
    terminal_.messages << "error: " << what << "\n";
    return kProblems;
  }

  // Adds the VIPs that the node announces.
  void look(const view::Cluster& cluster) {
    const std::set<std::string> announced = announcedIn(cluster);
    for (const auto& vip : announcedBy(announcersOf(cluster.state.ipObjects), options_.node)) {
      (announced.contains(vip) ? vips_ : idle_).insert(vip);
    }
    strand(cluster);
  }

  void strand(const view::Cluster& cluster) {
    stranded_ = strandedWithout(cluster, options_.node, vips_, kMostNamed);
  }

  [[nodiscard]] bool strands() const { return !stranded_.empty() && !options_.force; }

  void nameStranded() {
    for (std::size_t i = 0; i < std::min(stranded_.size(), kMostNamed); ++i) {
      const Stranded& each = stranded_[i];
      terminal_.messages << "no other node may announce " << each.address << " of " << each.services
                         << ": " << each.why << "\n";
    }
  }

  [[nodiscard]] std::string strandedShare() const {
    return std::to_string(stranded_.size()) + " of " + countOf(vips_.size());
  }

  int refuse() {
    nameStranded();
    return fault("no other node may announce " + strandedShare() + ", so " + options_.node +
                 " stays as it is. Let another node announce them, or write --force to withdraw "
                 "them.");
  }

  int takeBack() {
    const auto taken = include(api_, options_.node, stop_);
    if (!taken) return cannot(taken.error().message);
    terminal_.out << options_.node << " no longer has the label" << std::endl;
    return refuse();
  }

  void sayExclusion(Exclusion before) {
    terminal_.out << options_.node;
    switch (before) {
      case Exclusion::kNone:
        terminal_.out << " has the label " << kExcludeLabel << " now";
        break;
      case Exclusion::kDrained:
        terminal_.out << " is drained already";
        break;
      case Exclusion::kForeign:
        terminal_.out << " has the label " << kExcludeLabel
                      << " already, which drain did not set: undrain will leave it";
        break;
    }
    terminal_.out << std::endl;
  }

  // What it should hand over. Those that no other node may announce are withdrawn at once, which no
  // object shows.
  [[nodiscard]] std::set<std::string> moving(const Announcers& announcers) {
    for (const std::string& vip : announcedBy(announcers, options_.node)) {
      if (!idle_.contains(vip)) vips_.insert(vip);
    }
    std::set<std::string> all = vips_;
    for (const Stranded& each : stranded_) all.erase(each.address);
    return all;
  }

  int handOver() {
    kube::Store<model::IpObject> ipObjects;
    const auto reflector = kube::makeReflector<model::IpObject>(api_, clock_, kube::kIps, {},
                                                                ipObjects, model::decodeIpObject);
    reflector->start();
    std::string shown;
    while (true) {
      const bool late = clock_.now() >= end_;
      if (ipObjects.synced()) {
        const Announcers announcers = announcersOf(ipObjects.all());
        const std::set<std::string> all = moving(announcers);
        const auto left = leftOf(all, announcers, options_.node);
        std::string progress = std::to_string(left.size()) + " of " + countOf(all.size()) + " left";
        if (progress != shown && !all.empty()) terminal_.out << progress << std::endl;
        shown = std::move(progress);
        if (left.empty()) return handedOver();
        if (late) return tooLate(left);
      } else if (late) {
        return cannot("the API server did not list the IP objects within " + patience());
      }
      if (!pauseFor(clock_, kLookInterval, stop_)) return kCannotAsk;
    }
  }

  [[nodiscard]] std::string patience() const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.timeout);
    return std::to_string(seconds.count()) + " seconds";
  }

  int handedOver() {
    if (stranded_.empty()) {
      terminal_.out << options_.node << " announces no VIP" << std::endl;
      return kAllWell;
    }
    nameStranded();
    return fault("no node may announce " + strandedShare() + " now");
  }

  int tooLate(const std::set<std::string>& left) {
    const auto cluster = ask(api_, clock_, terminal_, stop_);
    if (!cluster) return kCannotAsk;
    strand(*cluster);
    nameStranded();
    const std::string what =
        countOf(left.size()) + " of " + options_.node + " did not move to another node within " +
        patience() + ": " + namesOf(left) + ". Check the node daemons with kubectl barevip status.";
    return fault(what);
  }

  const DrainOptions& options_;
  kube::Api& api_;
  const Clock& clock_;
  const Terminal& terminal_;
  const std::stop_token& stop_;
  MonotonicTime end_{};         ///< of the patience
  std::set<std::string> vips_;  ///< that the node announced since this began
  std::set<std::string> idle_;  ///< that its IP objects record, and that nobody should announce
  std::vector<Stranded> stranded_;
};

}  // namespace

int runDrain(const DrainOptions& options, kube::Api& api, const Clock& clock,
             const Terminal& terminal, const std::stop_token& stop) {
  return Drain(options, api, clock, terminal, stop).run();
}

int runUndrain(const UndrainOptions& options, kube::Api& api, const Terminal& terminal,
               const std::stop_token& stop) {
  const auto before = include(api, options.node, stop);
  if (!before) {
    terminal.messages << "error: " << before.error().message << "\n";
    return kCannotAsk;
  }
  switch (*before) {
    case Exclusion::kNone:
      terminal.out << options.node << " is not drained\n";
      return kAllWell;
    case Exclusion::kDrained:
      terminal.out << options.node << " may announce VIPs again; those that it had stay where "
                   << "they are\n";
      return kAllWell;
    case Exclusion::kForeign:
      break;
  }
  terminal.messages << "error: drain did not set the label " << kExcludeLabel << " of "
                    << options.node << ", so it stays. To remove it: kubectl label node "
                    << options.node << " " << kExcludeLabel << "-\n";
  return kProblems;
}

}  // namespace barevip::cli
