// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/node_reconciler.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "barevip/base/log.h"

#include "ipvsnode/apply/netlink_errors.h"

namespace barevip::node {
namespace {

using namespace std::chrono_literals;
using Stage = ReconcileTimes::Stage;

// Those of Drift, and what this counts besides.
constexpr std::array<std::string_view, 8> kDriftKinds{"virtual_server", "real_server",  "timeouts",
                                                      "address",        "route",        "rule",
                                                      "neighbour",      "packet_filter"};
// Pods come and go, and each brings links and routes of its own: not more often than this.
constexpr auto kLinksReadInterval = 1s;
// The end of a list that is empty is no news: so often it is looked for at the start.
constexpr auto kListsInterval = 200ms;
constexpr auto kFirstBackoff = 500ms;
constexpr auto kLastBackoff = 15'000ms;
constexpr auto kMaxBreath = 500ms;
constexpr auto kSchedulerRetry = 5min;

double secondsOf(MonotonicTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// The first few; a thousand VIPs are one line.
void logVips(const char* sentence, const std::vector<IpAddress>& vips) {
  if (vips.empty()) return;
  constexpr std::size_t kShown = 5;
  std::string names;
  for (std::size_t i = 0; i < vips.size() && i < kShown; ++i) {
    names += (names.empty() ? "" : ",") + vips[i].toString();
  }
  if (vips.size() > kShown) names += ",...";
  log::info(sentence, {{"count", std::to_string(vips.size())}, {"addresses", names}});
}

/// By what packets of the family are lost: one setting can break others.
std::optional<std::string> causesOf(const std::set<net::Breakage>& broken, Family family) {
  std::string causes;
  for (const net::Breakage& one : broken) {
    if (one.family == family) causes += (causes.empty() ? "" : ", ") + one.cause;
  }
  return causes.empty() ? std::nullopt : std::optional(std::move(causes));
}

}  // namespace

NodeReconciler::NodeReconciler(KernelWriters writers, net::Announcer& announcer, Stores& stores,
                               Liveness& liveness, const Clock& clock, obs::Registry& metrics,
                               NodeReconcilerOptions options, NodeReconcilerHooks hooks)
    : writers_(writers),
      announcer_(announcer),
      stores_(stores),
      liveness_(liveness),
      clock_(clock),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      applier_(std::move(writers), clock, metrics),
      vips_(options_.desired),
      ownership_(options_.desired.nodeName),
      lastPass_(clock.now()),
      passes_(metrics.counter("barevip_node_reconciles_total", "Passes of the reconciler.")),
      fullSyncs_(metrics.counter("barevip_node_full_syncs_total",
                                 "Passes that began with a full read of the kernel and went "
                                 "through.")),
      readSeconds_(metrics.gauge("barevip_node_kernel_read_seconds",
                                 "How long the last full read of the kernel took.")),
      passSeconds_(metrics.gauge("barevip_node_pass_seconds",
                                 "How long the last pass took, its read of the kernel included.")),
      virtualServers_(metrics.gauge("barevip_node_virtual_servers",
                                    "Virtual servers that this node should have.")),
      realServers_(
          metrics.gauge("barevip_node_real_servers", "Real servers that this node should have.")),
      drainingServers_(metrics.gauge("barevip_node_draining_real_servers",
                                     "Real servers that wait for their last connection.")),
      servedVips_(metrics.gauge("barevip_node_served_vips", "VIPs that this node serves.")),
      ownedVips_(metrics.gauge("barevip_node_announced_vips", "VIPs that this node announces.")),
      announcedVips_(metrics),
      problemCount_(metrics.gauge("barevip_node_service_problems",
                                  "What is wrong with Services, as this node sees it.")),
      unsentAnnouncements_(
          metrics.counter("barevip_node_unsent_announcements_total",
                          "Gratuitous ARP and unsolicited advertisements that could not be sent; "
                          "they are tried again.")),
      times_(metrics, clock),
      metrics_(metrics) {
  // Whoever asks for an increase sees none in a series that begins with its first event.
  for (const std::string_view kind : kDriftKinds) countDrift(kind, 0);
  beginNetlinkErrors(metrics);
  context_.placement = options_.desired.placement;
  context_.drainTimeout = options_.drainTimeout;
}

// With the lock held.
void NodeReconciler::markDirty() {
  pending_.dirty = true;
  if (!pending_.since) pending_.since = clock_.now();
}

void NodeReconciler::wake() {
  {
    const std::lock_guard lock(mutex_);
    markDirty();
  }
  wakeUp_.notify_one();
}

void NodeReconciler::networkChanged() {
  {
    const std::lock_guard lock(mutex_);
    markDirty();
    pending_.links = true;
  }
  wakeUp_.notify_one();
}

void NodeReconciler::answered(const IpAddress& address, std::optional<std::string> mac) {
  {
    const std::lock_guard lock(mutex_);
    markDirty();
    pending_.answers.emplace_back(address, std::move(mac));
  }
  wakeUp_.notify_one();
}

NodeReconciler::PendingEvents NodeReconciler::takePendingEvents() {
  const std::lock_guard lock(mutex_);
  PendingEvents taken = std::exchange(pending_, PendingEvents{false, false, {}, {}});
  return taken;
}

void NodeReconciler::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const MonotonicTime start = clock_.now();
    const MonotonicTime next = reconcileOnce();
    const MonotonicTime end = clock_.now();
    std::unique_lock lock(mutex_);
    // A breath as long as the pass: a flood of changes costs half a processor at most, and comes
    // in fewer, larger steps.
    MonotonicTime earliest = end + std::min<MonotonicTime::duration>(end - start, kMaxBreath);
    if (notBefore_) earliest = std::max(earliest, *notBefore_);
    clock_.waitUntil(lock, wakeUp_, stop, earliest, [] { return false; });
    clock_.waitUntil(lock, wakeUp_, stop, next, [this] { return pending_.dirty; });
  }
}

MonotonicTime NodeReconciler::reconcileOnce() {
  const MonotonicTime now = clock_.now();
  lastPass_ = now;
  if (notBefore_ && now < *notBefore_) return *notBefore_;
  notBefore_.reset();
  PendingEvents news = takePendingEvents();
  for (auto& [address, mac] : news.answers) ownership_.answered(address, std::move(mac), now);
  if (!stores_.synced()) {
    if (!std::exchange(saidWaiting_, true)) {
      log::info("waiting for the first lists from the API server; the kernel stays as it is");
    }
    return now + kListsInterval;
  }
  passes_.add();
  times_.begin(news.since ? now - *news.since : MonotonicTime::duration::zero());

  if (const auto retry = applier_.nextRetry(); retry && now >= *retry) mustRead_ = true;
  const bool full = mustRead_ || now >= nextRead_;
  Concerned concerned = applier_.concerned();
  look_ = {full || concerned.all, std::exchange(unsettled_, {})};
  look_.vips.merge(concerned.vips);
  for (const auto& [server, since] : context_.draining) look_.vips.insert(server.first.vip);
  if (full || now >= nextHostCheck_) verifyHost(now);
  linksPending_ = linksPending_ || news.links;
  const bool readsLinks = linksPending_ && now >= lastLinksRead_ + kLinksReadInterval;
  if (full) {
    if (!readAll(now)) return *notBefore_;
  } else if (readsLinks) {
    if (const auto read = rereadLinks(now); !read) return backOff(read.error(), now);
  }
  times_.ended(Stage::kRead);

  std::set<IpAddress> touched = vips_.follow(stores_.snapshot(), localFacts(now));
  times_.ended(Stage::kDesired);
  const LiveView nodes = liveness_.view(now);
  decideOwners(touched, nodes, full || readsLinks, now);
  // Services that join a VIP of a broken node are to hear of it.
  if (!touched.empty() && !host_.broken.empty()) changed_.host = true;
  look_.vips.merge(touched);
  times_.ended(Stage::kOwners);

  const ApplyOutcome outcome = converge(now);
  times_.ended(Stage::kApply);
  tellServing();
  if (!outcome.stateKnown) return backOff(outcome.failure, now);
  mirrored_ = true;

  publishEligibility(now);
  announceDue(nodes, now);
  noteProblems();
  if (changed_.serving || changed_.announced) announcedVips_.set(announced_, vips_.all());
  if (changed_.any()) report(nodes);
  measure();
  changed_ = {};
  if (full) fullSyncs_.add();
  ready_ = true;
  backoff_ = 0ms;
  times_.ended(Stage::kReport);
  times_.finish();
  passSeconds_.set(secondsOf(clock_.now() - now));

  MonotonicTime next = std::min(nextRead_, nextHostCheck_);
  for (const auto& time : {applier_.nextRetry(), nextDrainDeadline_, ownership_.decision().next,
                           garp_.next(), nodes.next, eligibilityFilter_.next()}) {
    if (time) next = std::min(next, *time);
  }
  if (linksPending_) next = std::min(next, lastLinksRead_ + kLinksReadInterval);
  return next;
}

void NodeReconciler::decideOwners(const std::set<IpAddress>& touched, const LiveView& nodes,
                                  bool linksRead, MonotonicTime now) {
  ownership_.see(vips_.cluster().nodes);
  Ownership::Outcome outcome = ownership_.follow(
      {vips_, touched, nodes, announced_, std::exchange(announcedNews_, false), areOnTheWire()},
      now);
  look_.vips.merge(outcome.changed);
  if (outcome.decided || (!touched.empty() && !unowned_.empty())) {
    changed_.ownership = true;
    noteUnowned(nodes);
  }
  // Whether a VIP is led already follows from what this process did with it, too.
  if (outcome.decided || linksRead || !touched.empty()) {
    look_.vips.merge(vips_.holdBack(unowned(ownership_.questions(), ownership_.decision().announce),
                                    kernel_.nodeObjects));
  }
  askNetwork();
}

template <class F>
void NodeReconciler::forEachLookedAt(F f) const {
  const auto& all = vips_.all();
  if (look_.all) {
    for (const auto& [address, vip] : all) f(vip);
    return;
  }
  for (const IpAddress& address : look_.vips) {
    if (const auto vip = all.find(address); vip != all.end()) f(vip->second);
  }
}

DesiredState NodeReconciler::wanted() const {
  DesiredState desired = look_.all ? vips_.ofAll() : vips_.of(look_.vips);
  const auto& announce = ownership_.decision().announce;
  forEachLookedAt([&](const DesiredVip& vip) {
    const ServedVip& served = vip.served;
    if (!served.servedHere || !announce.contains(served.address)) return;
    desired.announcements.emplace(served.address, announcementOf(served, options_.desired));
  });
  return desired;
}

ApplyOutcome NodeReconciler::converge(MonotonicTime now) {
  // Most news concern no VIP.
  if (!look_.all && look_.vips.empty() && kernel_.filter && applier_.allWell()) return {};
  DesiredState desired = wanted();
  const net::FilterState* const filter = applier_.filterBefore();
  context_.now = now;
  context_.rangesBefore = filter == nullptr ? nullptr : &filter->sourceRanges;
  context_.only = look_.all ? nullptr : &look_.vips;
  Plan plan = diff(desired, kernel_, context_);
  times_.ended(Stage::kPlan);
  const std::map<IpAddress, net::NetObject> announcements = std::move(desired.announcements);
  desired = {};
  unsettled_ = plan.vips();
  ApplyOutcome outcome = applier_.apply(std::move(plan.steps), kernel_);
  countDrift("packet_filter", outcome.filterRepairs);
  kernel_.fresh = false;
  context_.draining = std::move(plan.draining);
  if (outcome.stateKnown) forgetGone(context_.draining, kernel_);
  nextDrainDeadline_ = plan.nextDeadline;
  rememberVips();
  rememberAnnounced(announcements);
  for (const std::string& name : outcome.missingSchedulers) {
    if (name == options_.desired.scheduler) continue;
    missingSchedulers_[name] = now + kSchedulerRetry;
    wake();
  }
  return outcome;
}

bool NodeReconciler::readAll(MonotonicTime now) {
  auto kernel = readKernel(writers_);
  auto addresses = writers_.node.dumpAddresses();
  if (!kernel || !addresses) {
    backOff(kernel ? addresses.error() : kernel.error(), now);
    return false;
  }
  if (mirrored_) countDrift(*kernel);
  kernel_ = std::move(*kernel);
  keepForeign(std::move(*addresses));
  watchCarrier();
  mustRead_ = false;
  linksPending_ = false;
  lastLinksRead_ = now;
  nextRead_ = now + options_.syncPeriod;
  readSeconds_.set(secondsOf(clock_.now() - now));
  return true;
}

Result<void> NodeReconciler::rereadLinks(MonotonicTime now) {
  auto addresses = writers_.node.dumpAddresses();
  if (!addresses) return tl::make_unexpected(std::move(addresses.error()));
  KernelState found;
  if (auto read = readLinks(writers_, found); !read) return read;
  Drift drift;
  lookAtVipsOf(addLinkDrift(kernel_.nodeObjects, found.nodeObjects, drift));
  lookAtVipsOf(addLinkDrift(kernel_.balancerObjects, found.balancerObjects, drift));
  for (const auto& [kind, number] : drift) countDrift(kind, number);
  kernel_.nodeObjects = std::move(found.nodeObjects);
  kernel_.balancerObjects = std::move(found.balancerObjects);
  keepForeign(std::move(*addresses));
  watchCarrier();
  linksPending_ = false;
  lastLinksRead_ = now;
  return {};
}

void NodeReconciler::lookAtVipsOf(const std::vector<net::NetObject>& items) {
  for (const net::NetObject& item : items) {
    const Beneficiary whose = whoseIs(item);
    if (const auto* vip = std::get_if<IpAddress>(&whose)) {
      look_.vips.insert(*vip);
    } else {
      look_.all = true;
    }
  }
}

// Told apart now, while both lists are of one moment: what we withdraw later was never foreign.
void NodeReconciler::keepForeign(std::vector<net::BoundAddress> addresses) {
  std::erase_if(addresses, [this](const auto& one) { return kernel_.nodeObjects.contains(one); });
  foreignAddresses_ = std::move(addresses);
  facts_.held = foreignHolders(kernel_, foreignAddresses_, context_);
  std::set<IpAddress> announced;
  for (const net::NetObject& item : kernel_.nodeObjects) {
    if (const auto vip = announcedVip(item, options_.desired)) announced.insert(*vip);
  }
  std::set<IpAddress> differ;
  std::set_symmetric_difference(announced.begin(), announced.end(), announced_.begin(),
                                announced_.end(), std::inserter(differ, differ.end()));
  noteAnnounced(differ);
}

// A bind interface without carrier cannot be reached: others must take over what is announced on
// it, although the node may reach the API server by another interface.
void NodeReconciler::watchCarrier() {
  std::set<std::string> down;
  for (const std::string& name : options_.desired.bindInterfaces) {
    const auto device = writers_.node.device(name);
    if (!device || !device->up || !device->running) down.insert(name);
  }
  if (down_ == down) return;
  const std::set<std::string> before = down_.value_or(std::set<std::string>{});
  for (const std::string& name : options_.desired.bindInterfaces) {
    if (down.contains(name) == before.contains(name)) continue;
    log::warn(
        down.contains(name)
            ? "the bind interface is down or has no carrier; yielding the VIPs that it announces"
            : "the bind interface has its carrier back",
        {{"interface", name}});
  }
  down_ = std::move(down);
  if (hooks_.carrier) hooks_.carrier(*down_);
}

Impediments NodeReconciler::impediments() const {
  Impediments impediments{!kernel_.filter, {}, {}};
  Blocked blocked = applier_.blocked();
  for (const net::Breakage& breakage : host_.broken) {
    if (breakage.family == Family::kIpv4) impediments.broken = true;
    blocked.families.insert(breakage.family);
  }
  const auto& all = vips_.all();
  const auto refuse = [&](const IpAddress& address, const DesiredVip& vip) {
    // All of IPv4 is all that counts: which VIPs there are says nothing more.
    const bool counted = impediments.broken && address.isIpv4();
    if (vip.served.servedHere && !counted) impediments.refused.insert(address);
  };
  for (const IpAddress& address : blocked.vips) {
    if (const auto vip = all.find(address); vip != all.end()) refuse(address, vip->second);
  }
  if (!blocked.families.empty()) {
    for (const auto& [address, vip] : all) {
      if (blocked.families.contains(address.family())) refuse(address, vip);
    }
  }
  for (const IpAddress& address : vips_.unserved()) {
    if (address.isIpv4() || options_.desired.ipv6) impediments.held.insert(address);
  }
  if (!impediments.unguarded) impediments.refused.insert(unannounced_.begin(), unannounced_.end());
  return impediments;
}

// A VIP whose owner cannot announce it would be announced by nobody.
void NodeReconciler::publishEligibility(MonotonicTime now) {
  const Impediments lacking = impediments();
  countCauses(lacking);
  auto eligibility = eligibilityFilter_.judge(lacking, now);
  if (!eligibility || eligibility == eligibility_) return;
  const Eligibility before = eligibility_.value_or(Eligibility{});
  if (eligibility->serving != before.serving) {
    log::warn(eligibility->serving ? "eligible to announce again"
                                   : "not eligible to announce; yielding all VIPs");
  }
  const auto logNews = [](const char* sentence, const auto& were, const auto& are) {
    std::vector<IpAddress> news;
    std::set_difference(are.begin(), are.end(), were.begin(), were.end(), std::back_inserter(news));
    logVips(sentence, news);
  };
  logNews("not eligible to announce these VIPs; yielding them", before.blocked,
          eligibility->blocked);
  logNews("VIPs cannot be served on this node; yielding them", before.held, eligibility->held);
  eligibility_ = std::move(eligibility);
  if (hooks_.able) hooks_.able(*eligibility_);
}

const LocalFacts& NodeReconciler::localFacts(MonotonicTime now) {
  if (host_.gateways) facts_.gateways = *host_.gateways;
  if (!host_.interfaces.empty()) facts_.interfaces = host_.interfaces;
  std::erase_if(missingSchedulers_, [&](const auto& entry) { return now >= entry.second; });
  facts_.missingSchedulers.clear();
  for (const auto& [name, until] : missingSchedulers_) facts_.missingSchedulers.insert(name);
  return facts_;
}

bool NodeReconciler::areOnTheWire() const {
  const auto own = ownership_.nodeAddresses().find(options_.desired.nodeName);
  if (own == ownership_.nodeAddresses().end()) return false;
  const auto& faces = options_.desired.bindInterfaces;
  return std::any_of(foreignAddresses_.begin(), foreignAddresses_.end(),
                     [&](const net::BoundAddress& one) {
                       return one.address == own->second &&
                              std::find(faces.begin(), faces.end(), one.device) != faces.end();
                     });
}

// What this process put into the kernel stays ours until it is gone from there. Virtual servers for
// what kube-proxy forwards are kube-proxy's.
void NodeReconciler::rememberVips() {
  std::set<IpAddress>& before = context_.vipsBefore;
  const auto isWanted = [&](const IpAddress& address) {
    const auto vip = vips_.all().find(address);
    return vip != vips_.all().end() && vip->second.served.servedHere &&
           !vip->second.served.byKubeProxy;
  };
  const auto isGone = [&](const IpAddress& vip) {
    return !isWanted(vip) && !hasVirtualServers(kernel_, vip);
  };
  if (look_.all) {
    std::erase_if(before, isGone);
  } else {
    for (const IpAddress& vip : look_.vips) {
      if (isGone(vip)) before.erase(vip);
    }
  }
  forEachLookedAt([&](const DesiredVip& vip) {
    if (isWanted(vip.served.address)) before.insert(vip.served.address);
  });
}

void NodeReconciler::rememberAnnounced(const std::map<IpAddress, net::NetObject>& wanted) {
  const auto& there = kernel_.nodeObjects;
  std::set<IpAddress> differ;
  const auto look = [&](const IpAddress& vip) {
    const bool isAnnounced = isAnnouncedBy(there, vip, options_.desired);
    if (isAnnounced != announced_.contains(vip)) differ.insert(vip);
    unannounced_.erase(vip);
  };
  if (look_.all) {
    for (const auto& [vip, item] : wanted) look(vip);
    for (const IpAddress& vip : announced_) look(vip);
    unannounced_.clear();
  } else {
    for (const IpAddress& vip : look_.vips) look(vip);
  }
  for (const auto& [vip, item] : wanted) {
    if (!there.contains(item)) unannounced_.insert(vip);
  }
  noteAnnounced(differ);
}

void NodeReconciler::noteAnnounced(const std::set<IpAddress>& differ) {
  if (differ.empty()) return;
  std::vector<IpAddress> begun;
  std::vector<IpAddress> ended;
  for (const IpAddress& vip : differ) {
    const bool isNew = announced_.insert(vip).second;
    if (!isNew) announced_.erase(vip);
    (isNew ? begun : ended).push_back(vip);
  }
  logVips("this node announces", begun);
  logVips("this node announces no longer", ended);
  changed_.announced = true;
  announcedNews_ = true;
  announcedCount_ = announced_.size();
  ownedVips_.set(static_cast<double>(announced_.size()));
}

void NodeReconciler::noteUnowned(const LiveView& nodes) {
  unowned_.clear();
  if (!nodes.established) return;
  for (const VipElection& question : ownership_.questions()) {
    if (!question.announced || question.ipObjects.empty() || !question.candidates.empty()) continue;
    const ServedVip& vip = vips_.all().at(question.vip).served;
    const bool noPods = vip.endpointNodesOnly && vip.endpointNodes.empty();
    const char* const why =
        noPods
            ? ": kube-proxy forwards it, with externalTrafficPolicy Local, and no node has a "
              "ready endpoint"
            : ": look at announce in its Pool, at the label "
              "node.kubernetes.io/exclude-from-external-load-balancers, and whether barevip-node "
              "runs";
    for (const auto& service : vip.services) {
      unowned_.push_back({service->key, question.vip, "NoNode",
                          "no node may announce " + question.vip.toString() + why});
    }
  }
}

// Also where there is nothing new to ask: what is not awaited any more needs no answer.
void NodeReconciler::askNetwork() {
  const TakeoverDecision& decision = ownership_.decision();
  const bool changed = !decision.ask.empty() || decision.open != asked_;
  if (!changed) return;
  asked_ = decision.open;
  if (!hooks_.probe) return;
  Questions questions{decision.ask, decision.open, decision.urgent};
  for (const IpAddress& address : questions.ask) {
    const std::string& device = deviceFor(address);
    if (device != options_.desired.bindInterfaces.front()) questions.devices[address] = device;
  }
  hooks_.probe(questions);
}

// Of a VIP, or of another node.
const std::string& NodeReconciler::deviceFor(const IpAddress& address) const {
  const auto vip = vips_.all().find(address);
  if (vip != vips_.all().end()) return deviceOf(vip->second.served, options_.desired);
  const auto* const found = net::interfaceFor(address, facts_.interfaces);
  return found == nullptr ? options_.desired.bindInterfaces.front() : found->name;
}

void NodeReconciler::tellServing() {
  const std::uint64_t revision = vips_.vipPortsRevision();
  if (std::exchange(served_, revision) == revision) return;
  changed_.serving = true;
  if (!hooks_.serving) return;
  std::vector<VipPort> vipPorts;
  for (const auto& [address, vip] : vips_.all()) {
    vipPorts.insert(vipPorts.end(), vip.vipPorts.begin(), vip.vipPorts.end());
  }
  hooks_.serving(std::move(vipPorts));
}

void NodeReconciler::announceDue(const LiveView& nodes, MonotonicTime now) {
  if (changed_.announced || changed_.ownership) {
    std::set<IpAddress> ours = announced_;
    std::erase_if(ours, [&](const IpAddress& vip) { return !ownership_.isMine(vip); });
    garp_.keep(ours, now);
  }
  const std::vector<IpAddress> due = garp_.due(now, nodes.inTouch);
  if (due.empty()) return;
  std::map<std::string, std::vector<IpAddress>> byDevice;
  for (const IpAddress& vip : due) byDevice[deviceFor(vip)].push_back(vip);
  std::string failure;
  for (const auto& [device, addresses] : byDevice) {
    const auto outcome = announcer_.announce(addresses, device);
    garp_.unsent(outcome.unsent, now);
    unsentAnnouncements_.add(static_cast<double>(outcome.unsent.size()));
    if (outcome.failure) failure = outcome.failure->message;
  }
  if (failure != announceFailure_ && !failure.empty()) {
    log::warn("cannot announce addresses to the neighbours", {{"reason", failure}});
  }
  announceFailure_ = failure;
}

void NodeReconciler::report(const LiveView& nodes) {
  if (!hooks_.report || !nodes.established) return;
  const TakeoverDecision& decision = ownership_.decision();
  NodeReport next;
  for (const VipElection& question : ownership_.questions()) {
    const bool announces = announced_.contains(question.vip);
    // What we announce and nobody is recorded for is ours until somebody takes over from us.
    if (!ownership_.isMine(question.vip) && !(announces && question.holder.empty())) continue;
    VipReport one{question.vip, announces, {}};
    if (announces) one.brokenBy = causesOf(host_.broken, question.vip.family());
    const auto conflict = decision.conflicts.find(question.vip);
    if (conflict != decision.conflicts.end()) one.conflictMac = conflict->second;
    for (const auto& [ipObject, node] : question.ipObjects) {
      one.holder = node;
      next.ipObjects.emplace(ipObject, one);
    }
  }
  // One node tells: the owner, or the first of all for what has none.
  const bool first = !nodes.live.empty() && nodes.live.front().name == options_.desired.nodeName;
  for (const Problem& problem : problems_) {
    const bool owned = problem.vip && ownership_.owners().contains(*problem.vip);
    if (owned ? ownership_.isMine(*problem.vip) : first) next.problems.push_back(problem);
  }
  reportBroken(next);
  if (next == lastReport_) return;
  lastReport_ = next;
  hooks_.report(next);
}

// Told of each Service whose VIP this node announces still, before another takes it.
void NodeReconciler::reportBroken(NodeReport& next) const {
  for (const net::Breakage& breakage : host_.broken) {
    for (const IpAddress& address : announced_) {
      const auto vip = vips_.all().find(address);
      if (vip == vips_.all().end() || address.family() != breakage.family) continue;
      for (const auto& service : vip->second.served.services) {
        next.problems.push_back(
            {service->key, address, kNodeBroken,
             brokenMessage(address.toString(), options_.desired.nodeName, breakage.cause)});
      }
    }
  }
}

void NodeReconciler::noteProblems() {
  const std::uint64_t revision = vips_.problemsRevision();
  const bool ofVipsChanged = std::exchange(problemsSeen_, revision) != revision;
  if (!ofVipsChanged && !changed_.ownership) return;
  const std::vector<Problem> ofVips = vips_.problems();
  std::set<Problem> now(ofVips.begin(), ofVips.end());
  now.insert(unowned_.begin(), unowned_.end());
  for (const Problem& problem : now) {
    if (problems_.contains(problem)) continue;
    log::warn("a Service cannot be served as it asks for", {{"service", problem.service.toString()},
                                                            {"reason", problem.reason},
                                                            {"message", problem.message}});
  }
  changed_.problems = changed_.problems || now != problems_;
  problemCount_.set(static_cast<double>(now.size()));
  problems_ = std::move(now);
}

void NodeReconciler::verifyHost(MonotonicTime now) {
  // Before what is seen for the first time counts, it is looked at again.
  nextHostCheck_ = now + options_.hostPeriod;
  if (!hooks_.host) return;
  HostFindings host = hooks_.host();
  for (const std::string& problem : host.problems) {
    const auto& known = host_.problems;
    if (std::find(known.begin(), known.end(), problem) == known.end()) {
      log::error("the node is not set up as it must be", {{"problem", problem}});
    }
  }
  const auto second = now + kFallTime - 500ms;
  if (!(host.broken == host_.broken)) nextHostCheck_ = std::min(nextHostCheck_, second);
  if (!host.gateways) host.gateways = std::move(host_.gateways);
  changed_.host = changed_.host || !(host.broken == host_.broken);
  host_ = std::move(host);
}

void NodeReconciler::countCauses(const Impediments& impediments) {
  std::set<std::string> now;
  if (impediments.unguarded) now.insert("packet_filter");
  if (!impediments.refused.empty()) now.insert("refused");
  if (!impediments.held.empty()) now.insert("held");
  if (down_ && !down_->empty()) now.insert("carrier");
  for (const net::Breakage& breakage : host_.broken) now.insert(breakage.cause);
  for (const std::string& cause : now) {
    const auto [entry, isNew] = causes_.try_emplace(cause, nullptr);
    if (isNew) {
      entry->second =
          &metrics_.gauge("barevip_node_ineligible",
                          "1 while this cause keeps the node from announcing some or all VIPs.",
                          {{"cause", cause}});
    }
  }
  for (const auto& [cause, gauge] : causes_) gauge->set(now.contains(cause) ? 1 : 0);
}

void NodeReconciler::measure() {
  const DesiredVips::Totals totals = vips_.totals();
  virtualServers_.set(static_cast<double>(totals.virtualServers));
  realServers_.set(static_cast<double>(totals.realServers));
  servedVips_.set(static_cast<double>(totals.servedVips));
  drainingServers_.set(static_cast<double>(context_.draining.size()));
}

void NodeReconciler::countDrift(const KernelState& found) {
  Drift drift;
  const bool all = options_.desired.placement == Placement::kDirector;
  addIpvsDrift(
      kernel_, found, [&](const auto& key) { return all || context_.vipsBefore.contains(key.vip); },
      drift);
  const ipvs::Timeouts& wish = options_.desired.timeouts;
  if (fulfils(kernel_.timeouts, wish) && !fulfils(found.timeouts, wish)) ++drift["timeouts"];
  addLinkDrift(kernel_.nodeObjects, found.nodeObjects, drift);
  addLinkDrift(kernel_.balancerObjects, found.balancerObjects, drift);
  for (const auto& [kind, number] : drift) countDrift(kind, number);
}

void NodeReconciler::countDrift(std::string_view kind, std::size_t number) {
  metrics_
      .counter("barevip_node_drift_total",
               "External changes of what barevip has in the kernel, found by reading it and then "
               "repaired.",
               {{"kind", std::string(kind)}})
      .add(static_cast<double>(number));
}

MonotonicTime NodeReconciler::backOff(const Error& why, MonotonicTime now) {
  countNetlinkError(metrics_, why.detail);
  return backOff(why.message, now);
}

MonotonicTime NodeReconciler::backOff(const std::string& why, MonotonicTime now) {
  mustRead_ = true;
  mirrored_ = false;
  ready_ = false;
  backoff_ = backoff_ == 0ms ? kFirstBackoff : std::min(backoff_ * 2, kLastBackoff);
  notBefore_ = now + backoff_;
  log::warn("the kernel's state is unknown; reading all of it again",
            {{"reason", why}, {"retry_after", std::to_string(backoff_.count()) + "ms"}});
  return *notBefore_;
}

}  // namespace barevip::node
