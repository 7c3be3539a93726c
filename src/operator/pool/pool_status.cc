// SPDX-License-Identifier: Apache-2.0
#include "operator/pool/pool_status.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "common/base/rfc3339.h"

namespace barevip::controlplane {
namespace {

using assigner::PoolConsumer;
using assigner::PoolPlan;
using assigner::PoolUsage;
using model::Condition;

constexpr const char* kReady = "Ready";  // type and reason
constexpr const char* kNoOverlap = "NoOverlap";
constexpr std::size_t kMaxNamed = 10;              // consumers that a message names
constexpr Uint128 kExactBelow = 1'000'000'000ULL;  // larger counts are rounded for people

std::string forPeople(Uint128 count) {
  if (count < kExactBelow) return toString(count);
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.1e", static_cast<double>(count));
  return {text.data(), static_cast<std::size_t>(size)};
}

// "3", or "3 IPv4, 1 IPv6" for a Pool of both families.
std::string forPeople(const PoolUsage& usage, Uint128 PoolUsage::Counts::*member) {
  const bool four = usage.ipv4.capacity != 0 || usage.ipv4.allocated != 0;
  const bool six = usage.ipv6.capacity != 0 || usage.ipv6.allocated != 0;
  if (four && six) {
    return forPeople(usage.ipv4.*member) + " IPv4, " + forPeople(usage.ipv6.*member) + " IPv6";
  }
  return forPeople(six ? usage.ipv6.*member : usage.ipv4.*member);
}

model::Pool::Counts countsOf(const PoolUsage& usage, Uint128 PoolUsage::Counts::*member) {
  return {toString(usage.ipv4.*member), toString(usage.ipv6.*member)};
}

std::string named(const IpAddress& address, const assigner::Consumer& consumer) {
  return address.toString() + " (" + consumer.toString() + ")";
}

std::string listOf(const std::vector<std::string>& consumers) {
  std::string text;
  for (std::size_t i = 0; i < consumers.size() && i < kMaxNamed; ++i) {
    text += (i == 0 ? "" : ", ") + consumers[i];
  }
  if (consumers.size() > kMaxNamed) {
    text += " and " + std::to_string(consumers.size() - kMaxNamed) + " more";
  }
  return text;
}

std::vector<std::string> namesOf(const std::vector<PoolConsumer>& consumers) {
  std::vector<std::string> names;
  names.reserve(consumers.size());
  for (const PoolConsumer& each : consumers) names.push_back(named(each.address, each.consumer));
  return names;
}

std::vector<std::string> namesOf(const std::vector<std::pair<IpAddress, assigner::Consumer>>& all) {
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const auto& [address, consumer] : all) names.push_back(named(address, consumer));
  return names;
}

Condition deletingCondition(const PoolReport& report) {
  Condition condition{kReady, "False", report.plan.fault->reason, report.plan.fault->message};
  if (report.consumers.empty()) return condition;
  condition.message += " and goes when none of its addresses is in use; these are: " +
                       listOf(namesOf(report.consumers));
  return condition;
}

Condition readyCondition(const PoolReport& report) {
  if (report.plan.deleting) return deletingCondition(report);
  Condition condition{kReady, "True", kReady, "the Pool allocates addresses"};
  std::string kept;
  if (!report.notAdmitted.empty()) {
    condition.reason = "ConsumersNotAdmitted";
    kept = "these keep addresses although the Pool no longer admits them: " +
           listOf(namesOf(report.notAdmitted));
  }
  if (!report.usage.outside.empty()) {
    condition.reason = "ConsumersOutside";
    kept = "these keep addresses that the Pool no longer has: " +
           listOf(namesOf(report.usage.outside)) + (kept.empty() ? "" : "; ") + kept;
  }
  if (!kept.empty()) condition.message = kept;
  if (report.plan.fault) {
    condition.status = "False";
    condition.reason = report.plan.fault->reason;
    condition.message = report.plan.fault->message + (kept.empty() ? "" : "; ") + kept;
  }
  return condition;
}

Condition overlapCondition(const PoolPlan& plan) {
  if (!plan.overlap) {
    return {"Overlapping", "False", kNoOverlap, "each address is in one entry of one Pool"};
  }
  return {"Overlapping", "True", plan.overlap->reason, plan.overlap->message};
}

Condition usedCondition(const PoolPlan& plan) {
  if (plan.used.empty()) {
    return {"OverlapsNodes", "False", kNoOverlap, "the cluster itself uses none of the addresses"};
  }
  std::vector<std::string> users;
  for (const assigner::ClusterUser& user : plan.used) {
    const bool one = user.range.first == user.range.last;
    users.push_back((one ? user.range.first.toString() : user.range.toString()) + " (" + user.who +
                    ")");
  }
  return {"OverlapsNodes", "True", "UsedByCluster",
          "the cluster itself uses addresses of the Pool, which does not allocate them: " +
              listOf(users)};
}

}  // namespace

model::Pool::Status poolStatus(const model::Pool& pool, const PoolReport& report, WallTime now) {
  const PoolUsage& usage = report.usage;
  model::Pool::Status status;
  status.capacity = countsOf(usage, &PoolUsage::Counts::capacity);
  status.allocated = countsOf(usage, &PoolUsage::Counts::allocated);
  status.available = countsOf(usage, &PoolUsage::Counts::available);
  status.inUse = forPeople(usage, &PoolUsage::Counts::allocated);
  status.free = forPeople(usage, &PoolUsage::Counts::available);
  status.observedGeneration = pool.generation;
  status.conditions = pool.status.conditions;
  for (Condition condition :
       {readyCondition(report), overlapCondition(report.plan), usedCondition(report.plan)}) {
    condition.observedGeneration = pool.generation;
    model::setCondition(status.conditions, std::move(condition), secondsSinceEpoch(now));
  }
  return status;
}

bool isGood(const Condition& condition) {
  return condition.reason == kReady || condition.reason == kNoOverlap;
}

std::vector<Condition> newsOf(const model::Pool::Status& before, const model::Pool::Status& after) {
  std::vector<Condition> news;
  for (const Condition& now : after.conditions) {
    const Condition* const then = model::findCondition(before.conditions, now.type);
    const bool same =
        then == nullptr ? isGood(now) : then->status == now.status && then->reason == now.reason;
    // A Pool that gives nothing since it overlaps another one says so in two conditions.
    const bool told = std::any_of(news.begin(), news.end(), [&](const Condition& each) {
      return !isGood(now) && each.reason == now.reason;
    });
    if (!same && !told) news.push_back(now);
  }
  return news;
}

}  // namespace barevip::controlplane
