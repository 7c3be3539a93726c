// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/syncer.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "barevip/base/log.h"

#include "ipvsnode/apply/netlink_errors.h"

namespace barevip::node {
namespace {

using namespace std::chrono_literals;
using Stage = PassTimes::Stage;

// Pods come and go, and each brings links and routes of its own: not more often than this.
// Those of Drift, and what this counts besides.
constexpr std::array<std::string_view, 8> kDriftKinds{"virtual_server", "real_server",  "timeouts",
                                                      "address",        "route",        "rule",
                                                      "neighbour",      "packet_filter"};
constexpr auto kLinksReadInterval = 1s;
constexpr auto kFirstBackoff = 500ms;
constexpr auto kLastBackoff = 15'000ms;
constexpr auto kMaxBreath = 500ms;
constexpr auto kSchedulerRetry = 5min;

double secondsOf(MonotonicTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::map<std::string, IpAddress> addressesOf(const ClusterState& cluster) {
  std::map<std::string, IpAddress> result;
  for (const auto& node : cluster.nodes) {
    const auto& all = node->internalIps;
    if (all.empty()) continue;
    const auto ipv4 =
        std::find_if(all.begin(), all.end(), [](const IpAddress& a) { return a.isIpv4(); });
    result.emplace(node->key.name, ipv4 == all.end() ? all.front() : *ipv4);
  }
  return result;
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

}  // namespace

Syncer::Syncer(KernelSeams seams, net::Announcer& announcer, Stores& stores, Liveness& liveness,
               const Clock& clock, obs::Registry& metrics, SyncerOptions options, SyncerHooks hooks)
    : seams_(seams),
      announcer_(announcer),
      stores_(stores),
      liveness_(liveness),
      clock_(clock),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      applier_(std::move(seams), clock, metrics),
      lastPass_(clock.now()),
      passes_(metrics.counter("barevip_node_passes_total", "Passes of the reconciler.")),
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
      ownedVips_(metrics.gauge("barevip_node_owned_vips", "VIPs that this node announces.")),
      announcedVips_(metrics),
      problemCount_(metrics.gauge("barevip_node_problems",
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
}

// With the lock held.
void Syncer::markDirty() {
  news_.dirty = true;
  if (!news_.since) news_.since = clock_.now();
}

void Syncer::wake() {
  {
    const std::lock_guard lock(mutex_);
    markDirty();
  }
  wakeUp_.notify_one();
}

void Syncer::linksChanged() {
  {
    const std::lock_guard lock(mutex_);
    markDirty();
    news_.links = true;
  }
  wakeUp_.notify_one();
}

void Syncer::answered(const IpAddress& address, std::optional<std::string> mac) {
  {
    const std::lock_guard lock(mutex_);
    markDirty();
    news_.answers.emplace_back(address, std::move(mac));
  }
  wakeUp_.notify_one();
}

Syncer::News Syncer::takeNews() {
  const std::lock_guard lock(mutex_);
  News taken = std::exchange(news_, News{false, false, {}, {}});
  return taken;
}

void Syncer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const MonotonicTime start = clock_.now();
    const MonotonicTime next = pass();
    const MonotonicTime end = clock_.now();
    std::unique_lock lock(mutex_);
    // A breath as long as the pass: a flood of changes costs half a processor at most, and comes
    // in fewer, larger steps.
    MonotonicTime earliest = end + std::min<MonotonicTime::duration>(end - start, kMaxBreath);
    if (notBefore_) earliest = std::max(earliest, *notBefore_);
    clock_.waitUntil(lock, wakeUp_, stop, earliest, [] { return false; });
    clock_.waitUntil(lock, wakeUp_, stop, next, [this] { return news_.dirty; });
  }
}

MonotonicTime Syncer::pass() {
  const MonotonicTime now = clock_.now();
  lastPass_ = now;
  if (notBefore_ && now < *notBefore_) return *notBefore_;
  notBefore_.reset();
  News news = takeNews();
  for (auto& [address, mac] : news.answers) takeover_.answered(address, std::move(mac), now);
  if (!stores_.synced()) {
    if (!std::exchange(saidWaiting_, true)) {
      log::info("waiting for the first lists from the API server; the kernel stays as it is");
    }
    return now + options_.syncPeriod;
  }
  passes_.add();
  times_.begin(news.since ? now - *news.since : MonotonicTime::duration::zero());

  if (const auto retry = applier_.nextRetry(); retry && now >= *retry) mustRead_ = true;
  const bool full = mustRead_ || now >= nextRead_;
  if (full || now >= nextGround_) lookAtGround(now);
  linksPending_ = linksPending_ || news.links;
  if (full) {
    if (!readAll(now)) return *notBefore_;
  } else if (linksPending_ && now >= lastLinksRead_ + kLinksReadInterval) {
    if (const auto read = rereadLinks(now); !read) return backOff(read.error(), now);
  }
  times_.ended(Stage::kRead);

  const ClusterState cluster = stores_.snapshot();
  DesiredState desired = computeDesired(cluster, options_.desired, localFacts(now));
  times_.ended(Stage::kDesired);
  const LiveView nodes = liveness_.view(now);
  const std::vector<OwnerQuestion> questions = askOwners(desired.vips, cluster, nodes.live);
  owners_ = chooseOwners(questions, electionOf(nodes.live));
  const std::map<std::string, IpAddress> addresses = addressesOf(cluster);
  const TakeoverDecision decision =
      takeover_.decide({options_.desired.nodeName, questions, owners_, nodes, addresses,
                        announcedNow(), areOnTheWire(addresses)},
                       now);
  for (const ServedVip& vip : desired.vips) {
    if (!vip.servedHere || !decision.announce.contains(vip.address)) continue;
    desired.announcements.emplace(vip.address, announcementOf(vip, options_.desired));
  }
  holdBack(desired, unowned(questions, decision.announce), kernel_.nodeItems);
  if (nodes.established) reportUnowned(questions, desired);
  askNetwork(decision);
  times_.ended(Stage::kOwners);

  Plan plan = diff(desired, kernel_, contextAt(now));
  times_.ended(Stage::kPlan);
  const ApplyOutcome outcome = applier_.apply(std::move(plan.steps), kernel_);
  times_.ended(Stage::kApply);
  countDrift("packet_filter", outcome.filterRepairs);
  kernel_.fresh = false;
  draining_ = plan.draining;
  rememberVips(desired);
  for (const std::string& name : outcome.missingSchedulers) {
    if (name == options_.desired.scheduler) continue;
    missingSchedulers_[name] = now + kSchedulerRetry;
    wake();
  }
  if (hooks_.serving) hooks_.serving(std::move(desired.frontends));
  if (!outcome.stateKnown) return backOff(outcome.failure, now);
  mirrored_ = true;

  tellAbility(desired, now);
  announceDue(nodes, now);
  announcedVips_.set(announced_, desired.vips);
  report(questions, decision, desired, nodes);
  logProblems(desired.problems);
  measure(desired);
  if (full) fullSyncs_.add();
  ready_ = true;
  backoff_ = 0ms;
  times_.ended(Stage::kReport);
  times_.finish();
  passSeconds_.set(secondsOf(clock_.now() - now));

  MonotonicTime next = std::min(nextRead_, nextGround_);
  for (const auto& time : {applier_.nextRetry(), plan.nextDeadline, decision.next, garp_.next(),
                           nodes.next, abilityWatch_.next()}) {
    if (time) next = std::min(next, *time);
  }
  if (linksPending_) next = std::min(next, lastLinksRead_ + kLinksReadInterval);
  return next;
}

bool Syncer::readAll(MonotonicTime now) {
  auto kernel = readKernel(seams_);
  auto addresses = seams_.node.dumpAddresses();
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

Result<void> Syncer::rereadLinks(MonotonicTime now) {
  auto addresses = seams_.node.dumpAddresses();
  if (!addresses) return tl::make_unexpected(std::move(addresses.error()));
  KernelState found;
  if (auto read = readLinks(seams_, found); !read) return read;
  Drift drift;
  addLinkDrift(kernel_.nodeItems, found.nodeItems, drift);
  addLinkDrift(kernel_.directorItems, found.directorItems, drift);
  for (const auto& [kind, number] : drift) countDrift(kind, number);
  kernel_.nodeItems = std::move(found.nodeItems);
  kernel_.directorItems = std::move(found.directorItems);
  keepForeign(std::move(*addresses));
  watchCarrier();
  linksPending_ = false;
  lastLinksRead_ = now;
  return {};
}

// Told apart now, while both lists are of one moment: what we withdraw later was never foreign.
void Syncer::keepForeign(std::vector<net::BoundAddress> addresses) {
  std::erase_if(addresses, [this](const auto& one) { return kernel_.nodeItems.contains(one); });
  foreignAddresses_ = std::move(addresses);
}

// A node whose bind interface has no carrier cannot be reached: others shall take over, although
// it may reach the API server by another interface.
void Syncer::watchCarrier() {
  const auto device = seams_.node.device(options_.desired.bindInterface);
  const bool up = device && device->up && device->running;
  if (carrier_ == up) return;
  if (carrier_ || !up) {
    log::warn(up ? "the bind interface has its carrier back"
                 : "the bind interface is down or has no carrier; yielding all VIPs",
              {{"interface", options_.desired.bindInterface}});
  }
  carrier_ = up;
  if (hooks_.carrier) hooks_.carrier(up);
}

Lacks Syncer::lacksOf(const DesiredState& desired) const {
  Lacks lacks{!kernel_.filter, {}, {}};
  Blocked blocked = applier_.blocked();
  for (const net::Breakage& breakage : ground_.broken) {
    if (breakage.family == Family::kIpv4) lacks.broken = true;
    blocked.families.insert(breakage.family);
  }
  for (const ServedVip& vip : desired.vips) {
    // All of IPv4 is all that counts: which VIPs there are says nothing more.
    const bool counted = lacks.broken && vip.address.isIpv4();
    if (vip.servedHere && !counted && blocked.contains(vip.address)) {
      lacks.refused.insert(vip.address);
    }
    const bool ofOurFamilies = vip.address.isIpv4() || options_.desired.ipv6;
    if (!vip.servedHere && ofOurFamilies) lacks.held.insert(vip.address);
  }
  if (lacks.unguarded) return lacks;
  for (const auto& [vip, item] : desired.announcements) {
    if (!kernel_.nodeItems.contains(item)) lacks.refused.insert(vip);
  }
  return lacks;
}

// A VIP whose owner cannot announce it would be announced by nobody.
void Syncer::tellAbility(const DesiredState& desired, MonotonicTime now) {
  const Lacks lacks = lacksOf(desired);
  countCauses(lacks);
  auto ability = abilityWatch_.judge(lacks, now);
  if (!ability || ability == ability_) return;
  const Ability before = ability_.value_or(Ability{});
  if (ability->serving != before.serving) {
    log::warn(ability->serving ? "eligible to announce again"
                               : "not eligible to announce; yielding all VIPs");
  }
  const auto logNews = [](const char* sentence, const auto& were, const auto& are) {
    std::vector<IpAddress> news;
    std::set_difference(are.begin(), are.end(), were.begin(), were.end(), std::back_inserter(news));
    logVips(sentence, news);
  };
  logNews("not eligible to announce these VIPs; yielding them", before.blocked, ability->blocked);
  logNews("VIPs cannot be served on this node; yielding them", before.held, ability->held);
  ability_ = std::move(ability);
  if (hooks_.able) hooks_.able(*ability_);
}

DiffContext Syncer::contextAt(MonotonicTime now) const {
  const net::FilterState* const filter = applier_.filterBefore();
  return {options_.desired.placement,
          vipsBefore_,
          draining_,
          now,
          options_.drainTimeout,
          filter == nullptr ? nullptr : &filter->sourceRanges};
}

LocalFacts Syncer::localFacts(MonotonicTime now) {
  LocalFacts facts;
  facts.held = foreignHolders(kernel_, foreignAddresses_, contextAt(now));
  if (ground_.gateways) facts.gateways = *ground_.gateways;
  std::erase_if(missingSchedulers_, [&](const auto& entry) { return now >= entry.second; });
  for (const auto& [name, until] : missingSchedulers_) facts.missingSchedulers.insert(name);
  return facts;
}

std::set<IpAddress> Syncer::announcedNow() const {
  std::set<IpAddress> result;
  for (const net::Item& item : kernel_.nodeItems) {
    if (const auto vip = announcedVip(item, options_.desired)) result.insert(*vip);
  }
  return result;
}

bool Syncer::areOnTheWire(const std::map<std::string, IpAddress>& nodeAddresses) const {
  const auto own = nodeAddresses.find(options_.desired.nodeName);
  if (own == nodeAddresses.end()) return false;
  const net::BoundAddress here{own->second, options_.desired.bindInterface};
  return std::find(foreignAddresses_.begin(), foreignAddresses_.end(), here) !=
         foreignAddresses_.end();
}

// What this process put into the kernel stays ours until it is gone from there. Virtual servers for
// what kube-proxy forwards are kube-proxy's.
void Syncer::rememberVips(const DesiredState& desired) {
  std::set<IpAddress> vips;
  for (const ServedVip& vip : desired.vips) {
    if (vip.servedHere && !vip.byKubeProxy) vips.insert(vip.address);
  }
  for (const auto& [key, server] : kernel_.virtualServers) {
    if (vipsBefore_.contains(key.vip)) vips.insert(key.vip);
  }
  vipsBefore_ = std::move(vips);
}

void Syncer::reportUnowned(const std::vector<OwnerQuestion>& questions, DesiredState& desired) {
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const OwnerQuestion& question = questions[i];
    if (!question.announced || question.claims.empty() || !question.candidates.empty()) continue;
    const ServedVip& vip = desired.vips[i];
    const bool noPods = vip.endpointNodesOnly && vip.endpointNodes.empty();
    const char* const why =
        noPods
            ? ": kube-proxy forwards it, with externalTrafficPolicy Local, and no node has a "
              "ready endpoint"
            : ": look at announce in its Pool, at the label "
              "node.kubernetes.io/exclude-from-external-load-balancers, and whether barevip-node "
              "runs";
    for (const auto& service : vip.services) {
      desired.problems.push_back({service->key, question.vip, "NoNode",
                                  "no node may announce " + question.vip.toString() + why});
    }
  }
}

// Also where there is nothing new to ask: what is not awaited any more needs no answer.
void Syncer::askNetwork(const TakeoverDecision& decision) {
  const bool changed = !decision.ask.empty() || decision.open != asked_;
  asked_ = decision.open;
  if (changed && hooks_.probe) hooks_.probe({decision.ask, decision.open, decision.urgent});
}

void Syncer::announceDue(const LiveView& nodes, MonotonicTime now) {
  std::set<IpAddress> ours = announcedNow();
  std::vector<IpAddress> changed;
  std::set_difference(ours.begin(), ours.end(), announced_.begin(), announced_.end(),
                      std::back_inserter(changed));
  logVips("this node announces", changed);
  changed.clear();
  std::set_difference(announced_.begin(), announced_.end(), ours.begin(), ours.end(),
                      std::back_inserter(changed));
  logVips("this node announces no longer", changed);
  announced_ = ours;
  announcedCount_ = ours.size();
  ownedVips_.set(static_cast<double>(ours.size()));
  std::erase_if(ours, [&](const IpAddress& vip) {
    const auto owner = owners_.find(vip);
    return owner == owners_.end() || owner->second != options_.desired.nodeName;
  });
  garp_.keep(ours, now);
  const std::vector<IpAddress> due = garp_.due(now, nodes.inTouch);
  if (due.empty()) return;
  const auto outcome = announcer_.announce(due, options_.desired.bindInterface);
  garp_.unsent(outcome.unsent, now);
  unsentAnnouncements_.add(static_cast<double>(outcome.unsent.size()));
  const std::string failure = outcome.failure ? outcome.failure->message : std::string();
  if (failure != announceFailure_ && !failure.empty()) {
    log::warn("cannot announce addresses to the neighbours", {{"reason", failure}});
  }
  announceFailure_ = failure;
}

void Syncer::report(const std::vector<OwnerQuestion>& questions, const TakeoverDecision& decision,
                    const DesiredState& desired, const LiveView& nodes) {
  if (!hooks_.report || !nodes.established) return;
  const std::set<IpAddress> announced = announcedNow();
  const auto isMine = [&](const IpAddress& vip) {
    const auto owner = owners_.find(vip);
    return owner != owners_.end() && owner->second == options_.desired.nodeName;
  };
  NodeReport next;
  for (const OwnerQuestion& question : questions) {
    const bool announces = announced.contains(question.vip);
    // What we announce and nobody is recorded for is ours until somebody takes over from us.
    if (!isMine(question.vip) && !(announces && question.holder.empty())) continue;
    VipReport one{question.vip, announces, {}, std::nullopt};
    const auto conflict = decision.conflicts.find(question.vip);
    if (conflict != decision.conflicts.end()) one.conflictMac = conflict->second;
    for (const auto& [claim, node] : question.claims) {
      one.holder = node;
      next.claims.emplace(claim, one);
    }
  }
  // One node tells: the owner, or the first of all for what has none.
  const bool first = !nodes.live.empty() && nodes.live.front().name == options_.desired.nodeName;
  for (const Problem& problem : desired.problems) {
    const bool owned = problem.vip && owners_.contains(*problem.vip);
    if (owned ? isMine(*problem.vip) : first) next.problems.push_back(problem);
  }
  reportBroken(next, desired);
  if (next == lastReport_) return;
  lastReport_ = next;
  hooks_.report(next);
}

// Told of each Service whose VIP this node announces still, before another takes it.
void Syncer::reportBroken(NodeReport& next, const DesiredState& desired) const {
  for (const net::Breakage& breakage : ground_.broken) {
    for (const ServedVip& vip : desired.vips) {
      if (vip.address.family() != breakage.family || !announced_.contains(vip.address)) continue;
      for (const auto& service : vip.services) {
        next.problems.push_back(
            {service->key, vip.address, "NodeBroken",
             vip.address.toString() + " does not get through node " + options_.desired.nodeName +
                 " (" + breakage.cause +
                 "): other nodes take it over; the log of barevip-node there names the setting"});
      }
    }
  }
}

void Syncer::logProblems(const std::vector<Problem>& problems) {
  std::set<Problem> now(problems.begin(), problems.end());
  for (const Problem& problem : now) {
    if (problems_.contains(problem)) continue;
    log::warn("a Service cannot be served as it asks for", {{"service", problem.service.toString()},
                                                            {"reason", problem.reason},
                                                            {"message", problem.message}});
  }
  problemCount_.set(static_cast<double>(now.size()));
  problems_ = std::move(now);
}

void Syncer::lookAtGround(MonotonicTime now) {
  // Before what is seen for the first time counts, it is looked at again.
  nextGround_ = now + options_.groundPeriod;
  if (!hooks_.ground) return;
  Ground ground = hooks_.ground();
  for (const std::string& problem : ground.problems) {
    const auto& known = ground_.problems;
    if (std::find(known.begin(), known.end(), problem) == known.end()) {
      log::error("the node is not set up as it must be", {{"problem", problem}});
    }
  }
  const auto second = now + kLackPatience - 500ms;
  if (!(ground.broken == ground_.broken)) nextGround_ = std::min(nextGround_, second);
  if (!ground.gateways) ground.gateways = std::move(ground_.gateways);
  ground_ = std::move(ground);
}

void Syncer::countCauses(const Lacks& lacks) {
  std::set<std::string> now;
  if (lacks.unguarded) now.insert("packet_filter");
  if (!lacks.refused.empty()) now.insert("refused");
  if (!lacks.held.empty()) now.insert("held");
  if (carrier_ == false) now.insert("carrier");
  for (const net::Breakage& breakage : ground_.broken) now.insert(breakage.cause);
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

void Syncer::measure(const DesiredState& desired) {
  std::size_t reals = 0;
  for (const ipvs::VirtualServer& server : desired.virtualServers) {
    reals += server.realServers.size();
  }
  virtualServers_.set(static_cast<double>(desired.virtualServers.size()));
  realServers_.set(static_cast<double>(reals));
  drainingServers_.set(static_cast<double>(draining_.size()));
  const auto& vips = desired.vips;
  servedVips_.set(static_cast<double>(std::count_if(
      vips.begin(), vips.end(), [](const ServedVip& vip) { return vip.servedHere; })));
}

void Syncer::countDrift(const KernelState& found) {
  Drift drift;
  const bool all = options_.desired.placement == Placement::kDirector;
  addIpvsDrift(
      kernel_, found, [&](const auto& key) { return all || vipsBefore_.contains(key.vip); }, drift);
  const ipvs::Timeouts& wish = options_.desired.timeouts;
  if (fulfils(kernel_.timeouts, wish) && !fulfils(found.timeouts, wish)) ++drift["timeouts"];
  addLinkDrift(kernel_.nodeItems, found.nodeItems, drift);
  addLinkDrift(kernel_.directorItems, found.directorItems, drift);
  for (const auto& [kind, number] : drift) countDrift(kind, number);
}

void Syncer::countDrift(std::string_view kind, std::size_t number) {
  metrics_
      .counter("barevip_node_drift_total",
               "External changes of what barevip has in the kernel, found by reading it and then "
               "repaired.",
               {{"kind", std::string(kind)}})
      .add(static_cast<double>(number));
}

MonotonicTime Syncer::backOff(const Error& why, MonotonicTime now) {
  countNetlinkError(metrics_, why.detail);
  return backOff(why.message, now);
}

MonotonicTime Syncer::backOff(const std::string& why, MonotonicTime now) {
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
