// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/takeover.h"

#include <algorithm>
#include <utility>

namespace barevip::node {
namespace {

void earliest(std::optional<MonotonicTime>& slot, MonotonicTime candidate) {
  if (!slot || candidate < *slot) slot = candidate;
}

}  // namespace

class Takeover::Round {
 public:
  Round(Takeover& memory, const TakeoverInput& input, MonotonicTime now)
      : memory_(memory), input_(input), now_(now) {}

  TakeoverDecision run() {
    for (const VipElection& question : input_.questions) {
      served_.insert(question.vip);
      if (!question.holder.empty()) memory_.lastHolders_[question.vip] = question.holder;
      if (decideOne(question)) decision_.announce.insert(question.vip);
    }
    forget(memory_.wantedSince_, waiting_);
    forget(memory_.relievedSince_, relieved_);
    forget(memory_.lastHolders_, served_);
    std::erase_if(memory_.probes_,
                  [&](const auto& probe) { return !asked_.contains(probe.first); });
    return std::move(decision_);
  }

 private:
  bool decideOne(const VipElection& question) {
    const bool announced = input_.announced.contains(question.vip);
    if (!input_.nodes.established) return announced;
    const auto owner = input_.owners.find(question.vip);
    if (owner != input_.owners.end() && owner->second == input_.self) {
      return announced || mayBegin(question);
    }
    return announced && mayGoOn(question, owner != input_.owners.end());
  }

  bool mayBegin(const VipElection& question) {
    const std::string& holder = question.holder;
    if (holder == input_.self) return true;
    if (isUp(holder)) return !isHeldOn(holder, question.vip) || nobodyAnswersFor(question.vip);
    if (holder.empty()) return !mayBeRecordedAgain(question.vip) && nobodyAnswersFor(question.vip);

    const auto& onHold = input_.nodes.onHold;
    const bool isOnHold = std::find(onHold.begin(), onHold.end(), holder) != onHold.end();
    if (isOnHold && !input_.addressesAreOnTheWire) return false;

    const auto address = input_.nodeAddresses.find(holder);
    if (address == input_.nodeAddresses.end()) return !isOnHold;
    waiting_.insert(question.vip);
    const MonotonicTime since = memory_.wantedSince_.try_emplace(question.vip, now_).first->second;
    if (now_ >= since + kSilentDaemonGrace) return true;
    earliest(decision_.next, since + kSilentDaemonGrace);
    const Probe* probe = ask(address->second, kAskAgain);
    if (decision_.open.contains(address->second)) decision_.urgent.insert(address->second);
    return probe != nullptr && !probe->mac;
  }

  // An IP object that was deleted and made again names nobody, but its VIP may be announced.
  bool mayBeRecordedAgain(const IpAddress& vip) {
    const auto last = memory_.lastHolders_.find(vip);
    if (last == memory_.lastHolders_.end() || last->second == input_.self || !isUp(last->second)) {
      return false;
    }
    waiting_.insert(vip);
    const MonotonicTime since = memory_.wantedSince_.try_emplace(vip, now_).first->second;
    if (now_ >= since + kRecordAgain) return false;
    earliest(decision_.next, since + kRecordAgain);
    return true;
  }

  bool nobodyAnswersFor(const IpAddress& vip) {
    const Probe* probe = ask(vip, kConflictRetry);
    if (probe == nullptr) return false;
    if (!probe->mac) return true;
    decision_.conflicts.emplace(vip, *probe->mac);
    return false;
  }

  bool mayGoOn(const VipElection& question, bool hasOwner) {
    if (question.ipObjects.empty()) return true;  // its pool is not known: leave it as it is
    const bool leaving = std::find(input_.nodes.leaving.begin(), input_.nodes.leaving.end(),
                                   input_.self) != input_.nodes.leaving.end();
    const bool takenOver = !question.holder.empty() && question.holder != input_.self;
    if (takenOver) return false;
    if (!hasOwner) return leaving;
    // Without a holder we record ourselves. In an unsettled view the owner may be one in our eyes
    // alone; if it is not, it records itself.
    if (question.holder.empty() || !input_.nodes.settled) return true;
    relieved_.insert(question.vip);
    const MonotonicTime since =
        memory_.relievedSince_.try_emplace(question.vip, now_).first->second;
    if (now_ >= since + kRelease) return false;
    earliest(decision_.next, since + kRelease);
    return true;
  }

  [[nodiscard]] bool isUp(const std::string& node) const {
    const auto& live = input_.nodes.live;
    const auto& leaving = input_.nodes.leaving;
    return std::any_of(live.begin(), live.end(),
                       [&](const LiveNode& one) { return one.name == node; }) ||
           std::find(leaving.begin(), leaving.end(), node) != leaving.end();
  }

  /// Something else has the VIP on that node.
  [[nodiscard]] bool isHeldOn(const std::string& node, const IpAddress& vip) const {
    const auto& live = input_.nodes.live;
    return std::any_of(live.begin(), live.end(), [&](const LiveNode& one) {
      return one.name == node && one.eligibility.held.contains(vip);
    });
  }

  /// The last answer, if there is one; nothing while the first is awaited. An answer older than
  /// `maxAge` is asked for again: silence does not count any more then, a stranger does meanwhile.
  const Probe* ask(const IpAddress& address, MonotonicTime::duration maxAge) {
    asked_.insert(address);
    const auto [it, isNew] = memory_.probes_.try_emplace(address);
    Probe& probe = it->second;
    if (isNew || (!probe.pending && now_ >= probe.at + maxAge)) {
      probe.pending = true;
      decision_.ask.push_back(address);
    }
    if (probe.pending) {
      decision_.open.insert(address);
    } else {
      earliest(decision_.next, probe.at + maxAge);
      return &probe;
    }
    return probe.mac ? &probe : nullptr;
  }

  template <class T>
  static void forget(std::map<IpAddress, T>& all, const std::set<IpAddress>& keep) {
    std::erase_if(all, [&](const auto& entry) { return !keep.contains(entry.first); });
  }

  Takeover& memory_;
  const TakeoverInput& input_;
  const MonotonicTime now_;
  TakeoverDecision decision_;
  std::set<IpAddress> served_;
  std::set<IpAddress> waiting_;
  std::set<IpAddress> relieved_;
  std::set<IpAddress> asked_;
};

TakeoverDecision Takeover::decide(const TakeoverInput& input, MonotonicTime now) {
  return Round(*this, input, now).run();
}

void Takeover::answered(const IpAddress& address, std::optional<std::string> mac,
                        MonotonicTime now) {
  const auto it = probes_.find(address);
  if (it == probes_.end()) return;
  it->second = {false, now, std::move(mac)};
}

}  // namespace barevip::node
