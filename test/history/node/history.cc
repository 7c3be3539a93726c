// SPDX-License-Identifier: Apache-2.0
#include "history/node/history.h"

#include <iomanip>
#include <ostream>
#include <string>
#include <utility>

#include "history/node/names.h"

namespace barevip::node::history {
namespace {

template <class Enum, std::size_t Size>
std::string nameIn(const std::array<const char*, Size>& names, Enum value) {
  static_assert(Size == static_cast<std::size_t>(Enum::kCount));
  return names.at(static_cast<std::size_t>(value) % Size);
}

std::string toText(Writer writer) {
  return nameIn<Writer, 8>({"IPVS", "addresses", "routes", "proxy neighbours", "rules",
                            "addresses of the balancer", "packet filter", "announcer"},
                           writer);
}

/// Where, and what.
using Row = std::pair<std::string, std::string>;

Row rowOf(const PutService& deed) {
  std::string text = "put Service " + serviceName(deed.service) + ": ";
  text +=
      nameIn<Addresses, 4>({"IPv4", "IPv6", "IPv4 and IPv6", "the shared address"}, deed.addresses);
  text += nameIn<Ports, 3>({", TCP", ", TCP and UDP", ", two TCP ports"}, deed.ports);
  text += nameIn<Forward, 3>({"", ", by clusterIP", ", by kube-proxy"}, deed.forward);
  text += nameIn<Sources, 4>({"", ", from A", ", from A and B", ", from nobody"}, deed.sources);
  text += std::string(deed.local ? ", Local" : "") + (deed.sticky ? ", affinity" : "") +
          (deed.hashed ? ", mh" : "");
  return {"api", text};
}
Row rowOf(const DeleteService& deed) {
  return {"api", "delete Service " + serviceName(deed.service)};
}
Row rowOf(const PutPods& deed) {
  std::string text;
  for (std::size_t i = 0; i < deed.pods.size(); ++i) {
    const Pod& pod = deed.pods.at(i);
    if (pod.state == PodState::kAbsent) continue;
    text += (text.empty() ? " number " : ", number ") + std::to_string(i + 1) + " " +
            nameIn<PodState, 4>({"", "ready", "terminating", "unready"}, pod.state) + " on " +
            nodeName(pod.node);
  }
  return {"api", "pods of " + serviceName(deed.service) + ":" + (text.empty() ? " none" : text)};
}
Row rowOf(const LoseRecords& deed) {
  return {"api", "IP objects of " + serviceName(deed.service) + " are made anew"};
}
Row rowOf(const Exclude& deed) {
  return {nodeName(deed.node), deed.is ? "is excluded by its label" : "is excluded no more"};
}
Row rowOf(const Break& deed) {
  const std::string number = std::to_string(deed.number);
  const std::string vip = vipOf(deed.number).toString();
  return {nodeName(deed.node),
          toText(deed.writer) + ": " +
              nameIn<Fault, 4>({"refuses all", "refuses", "fails once after", "cannot be read"},
                               deed.fault) +
              (deed.fault == Fault::kRefusesOneVip ? " what is for " + vip : "") +
              (deed.fault == Fault::kSocketDies ? " " + number + " more writes" : "")};
}
Row rowOf(const Mend& deed) { return {nodeName(deed.node), "all writers work again"}; }
Row rowOf(const HostFindings& deed) {
  return {nodeName(deed.node), deed.broken ? "forwards no more" : "forwards again"};
}
Row rowOf(const Carrier& deed) {
  return {nodeName(deed.node), deed.down ? "loses the carrier" : "has the carrier back"};
}
Row rowOf(const Crash& deed) {
  return {nodeName(deed.node), "daemon dies after " + std::to_string(deed.writes) +
                                   " more writes, and is started again"};
}
Row rowOf(const Stop& deed) {
  return {nodeName(deed.node), deed.inOrder ? "daemon ends in order" : "daemon is killed"};
}
Row rowOf(const Start& deed) { return {nodeName(deed.node), "daemon is started anew"}; }
Row rowOf(const PowerLoss& deed) { return {nodeName(deed.node), "loses its power"}; }
Row rowOf(const Api& deed) {
  return {nodeName(deed.node),
          "API server is " + nameIn<Reach, 3>({"there", "slow", "away"}, deed.reach)};
}
Row rowOf(const Tamper& deed) {
  return {nodeName(deed.node),
          "by hand: " +
              nameIn<Hand, 11>(
                  {"delete virtual server", "delete real server", "weigh real server",
                   "add to virtual server", "another scheduler for virtual server", "clear IPVS",
                   "other timeouts", "delete item", "delete item of the balancer",
                   "wipe the packet filter", "leave an item"},
                  deed.hand) +
              " number " + std::to_string(deed.number)};
}
Row rowOf(const PutForeign& deed) {
  return {nodeName(deed.node), nameIn<Foreign, 4>({"foreign address ", "foreign route to ",
                                                   "foreign neighbour ", "foreign server on "},
                                                  deed.what) +
                                   vipOf(deed.vip).toString() + (deed.gone ? " goes" : "")};
}
Row rowOf(const Stranger& deed) {
  return {"network", "another machine answers for " + vipOf(deed.vip).toString() +
                         (deed.gone ? " no more" : "")};
}
Row rowOf(const Connect& deed) {
  return {nodeName(deed.node), "clients of real server number " + std::to_string(deed.number) +
                                   (deed.gone ? " are gone" : " are connected")};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const History& history) {
  out << "\n  placement " << (history.host ? "host" : "director")
      << (history.lacksMh ? ", " + nodeName(kNodeCount - 1) + " lacks scheduler mh" : "");
  int now = 0;
  for (const Event& event : history.events) {
    const auto [where, what] = std::visit([](const auto& deed) { return rowOf(deed); }, event.deed);
    out << "\n  " << std::setw(7) << std::fixed << std::setprecision(1) << now / 1000.0 << " s  "
        << std::left << std::setw(8) << where << std::right << what;
    now += kWaits.at(event.wait % kWaits.size());
  }
  return out << "\n  " << std::setw(7) << now / 1000.0 << " s  all calms down"
             << nameIn<End, 3>(
                    {"", ", but the last node has no power", ", but the last node has no daemon"},
                    history.end)
             << "\n";
}

}  // namespace barevip::node::history
