// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/syncer.h"

#include <algorithm>
#include <iterator>

#include "barevip/base/log.h"

namespace barevip::node {
namespace {

using namespace std::chrono_literals;

// Pods come and go, and each brings links and routes of its own: not more often than this.
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

std::optional<IpAddress> announcedVip(const net::Item& item, const std::string& device) {
  if (const auto* proxy = std::get_if<net::ProxyNeighbour>(&item)) {
    return proxy->device == device ? std::optional(proxy->address) : std::nullopt;
  }
  const auto* address = std::get_if<net::BoundAddress>(&item);
  if (address == nullptr || address->device != device) return std::nullopt;
  return address->address;
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
      problemCount_(metrics.gauge("barevip_node_problems",
                                  "What is wrong with Services, as this node sees it.")) {}

void Syncer::wake() {
  {
    const std::lock_guard lock(mutex_);
    news_.dirty = true;
  }
  wakeUp_.notify_one();
}

void Syncer::linksChanged() {
  {
    const std::lock_guard lock(mutex_);
    news_.dirty = true;
    news_.links = true;
  }
  wakeUp_.notify_one();
}

void Syncer::answered(const IpAddress& address, std::optional<std::string> mac) {
  {
    const std::lock_guard lock(mutex_);
    news_.dirty = true;
    news_.answers.emplace_back(address, std::move(mac));
  }
  wakeUp_.notify_one();
}

Syncer::News Syncer::takeNews() {
  const std::lock_guard lock(mutex_);
  News taken = std::exchange(news_, News{false, false, {}});
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

  if (const auto retry = applier_.nextRetry(); retry && now >= *retry) mustRead_ = true;
  const bool full = mustRead_ || now >= nextRead_;
  linksPending_ = linksPending_ || news.links;
  if (full) {
    if (!readAll(now)) return *notBefore_;
  } else if (linksPending_ && now >= lastLinksRead_ + kLinksReadInterval) {
    if (const auto read = rereadLinks(now); !read) return backOff(read.error().message, now);
  }

  const ClusterState cluster = stores_.snapshot();
  DesiredState desired = computeDesired(cluster, options_.desired, localFacts(now));
  const LiveView nodes = liveness_.view(now);
  const std::vector<OwnerQuestion> questions = askOwners(desired.vips, cluster, nodes.live);
  owners_ = chooseOwners(questions);
  const TakeoverDecision decision = takeover_.decide(
      {options_.desired.nodeName, questions, owners_, nodes, addressesOf(cluster), announcedNow()},
      now);
  for (const ServedVip& vip : desired.vips) {
    if (!vip.servedHere || !decision.announce.contains(vip.address)) continue;
    desired.announcements.insert(announcementOf(vip.address, options_.desired));
  }
  if (nodes.established) reportUnowned(questions, desired);
  if (!decision.ask.empty() && hooks_.probe) hooks_.probe(decision.ask);

  const Plan plan = diff(desired, kernel_, contextAt(now));
  const ApplyOutcome outcome = applier_.apply(plan, kernel_);
  kernel_.fresh = false;
  draining_ = plan.draining;
  rememberVips(desired);
  for (const std::string& name : outcome.missingSchedulers) {
    if (name == options_.desired.scheduler) continue;
    missingSchedulers_[name] = now + kSchedulerRetry;
    wake();
  }
  if (!outcome.stateKnown) return backOff(outcome.failure, now);

  tellAbility(desired, now);
  announceDue(nodes, now);
  report(questions, decision, desired, nodes);
  logProblems(desired.problems);
  measure(desired);
  if (full) fullSyncs_.add();
  ready_ = true;
  backoff_ = 0ms;
  passSeconds_.set(secondsOf(clock_.now() - now));

  MonotonicTime next = nextRead_;
  for (const auto& time : {applier_.nextRetry(), plan.nextDeadline, decision.next, garp_.next(),
                           nodes.next, abilityWatch_.next()}) {
    if (time) next = std::min(next, *time);
  }
  if (linksPending_) next = std::min(next, lastLinksRead_ + kLinksReadInterval);
  return next;
}

bool Syncer::readAll(MonotonicTime now) {
  if (hooks_.ground) logGround(hooks_.ground());
  auto kernel = readKernel(seams_);
  auto addresses = seams_.node.dumpAddresses();
  if (!kernel || !addresses) {
    backOff((kernel ? addresses.error() : kernel.error()).message, now);
    return false;
  }
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
  if (auto read = readLinks(seams_, kernel_); !read) return read;
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
                 : "the bind interface is down or has no carrier; other nodes shall announce",
              {{"interface", options_.desired.bindInterface}});
  }
  carrier_ = up;
  if (hooks_.carrier) hooks_.carrier(up);
}

Lacks Syncer::lacksOf(const DesiredState& desired) const {
  Lacks lacks{!kernel_.filter, applier_.blocked(), {}};
  for (const ServedVip& vip : desired.vips) {
    const bool ofOurFamilies = vip.address.isIpv4() || options_.desired.ipv6;
    if (!vip.servedHere && ofOurFamilies) lacks.held.insert(vip.address);
  }
  if (lacks.unguarded) return lacks;
  for (const net::Item& item : desired.announcements) {
    if (kernel_.nodeItems.contains(item)) continue;
    if (const auto vip = announcedVip(item, options_.desired.bindInterface)) {
      lacks.refused.insert(*vip);
    }
  }
  return lacks;
}

// A VIP whose owner cannot announce it would be announced by nobody.
void Syncer::tellAbility(const DesiredState& desired, MonotonicTime now) {
  auto ability = abilityWatch_.judge(lacksOf(desired), now);
  if (!ability || ability == ability_) return;
  const Ability before = ability_.value_or(Ability{});
  if (ability->serving != before.serving) {
    log::warn(ability->serving ? "this node can announce again"
                               : "this node cannot announce; other nodes shall");
  }
  const auto logNews = [](const char* sentence, const auto& were, const auto& are) {
    std::vector<IpAddress> news;
    std::set_difference(are.begin(), are.end(), were.begin(), were.end(), std::back_inserter(news));
    logVips(sentence, news);
  };
  logNews("this node cannot announce these; other nodes shall", before.blocked, ability->blocked);
  logNews(
      "something else holds these on this node; other nodes shall announce them unless it "
      "answers for them",
      before.held, ability->held);
  ability_ = std::move(ability);
  if (hooks_.able) hooks_.able(*ability_);
}

DiffContext Syncer::contextAt(MonotonicTime now) const {
  return {options_.desired.placement, vipsBefore_, draining_, now, options_.drainTimeout};
}

LocalFacts Syncer::localFacts(MonotonicTime now) {
  LocalFacts facts;
  facts.held = foreignHolders(kernel_, foreignAddresses_, contextAt(now));
  std::erase_if(missingSchedulers_, [&](const auto& entry) { return now >= entry.second; });
  for (const auto& [name, until] : missingSchedulers_) facts.missingSchedulers.insert(name);
  return facts;
}

std::set<IpAddress> Syncer::announcedNow() const {
  std::set<IpAddress> result;
  for (const net::Item& item : kernel_.nodeItems) {
    if (const auto vip = announcedVip(item, options_.desired.bindInterface)) result.insert(*vip);
  }
  return result;
}

// What this process put into the kernel stays ours until it is gone from there.
void Syncer::rememberVips(const DesiredState& desired) {
  std::set<IpAddress> vips;
  for (const ServedVip& vip : desired.vips) {
    if (vip.servedHere) vips.insert(vip.address);
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
    for (const auto& service : desired.vips[i].services) {
      desired.problems.push_back(
          {service->key, question.vip, "NoNode",
           "no node may announce " + question.vip.toString() +
               ": look at announce in its Pool, at the label "
               "node.kubernetes.io/exclude-from-external-load-balancers, and whether barevip-node "
               "runs"});
    }
  }
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
  const auto sent = announcer_.announce(due, options_.desired.bindInterface);
  const std::string failure = sent ? std::string() : sent.error().message;
  if (failure != announceFailure_ && !failure.empty()) {
    log::warn("cannot tell the neighbours where addresses are", {{"reason", failure}});
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
  if (next == lastReport_) return;
  lastReport_ = next;
  hooks_.report(next);
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

void Syncer::logGround(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) {
    const auto& known = groundProblems_;
    if (std::find(known.begin(), known.end(), problem) == known.end()) {
      log::error("the node is not set up as it must be", {{"problem", problem}});
    }
  }
  groundProblems_ = problems;
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

MonotonicTime Syncer::backOff(const std::string& why, MonotonicTime now) {
  mustRead_ = true;
  ready_ = false;
  backoff_ = backoff_ == 0ms ? kFirstBackoff : std::min(backoff_ * 2, kLastBackoff);
  notBefore_ = now + backoff_;
  log::warn("the kernel's state is unknown; reading all of it again",
            {{"reason", why}, {"retry_after", std::to_string(backoff_.count()) + "ms"}});
  return *notBefore_;
}

}  // namespace barevip::node
