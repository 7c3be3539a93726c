// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/source_ranges.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace barevip::node {
namespace {

constexpr const char* kInvalid = "InvalidSourceRange";
constexpr const char* kTooMany = "TooManySourceRanges";

/// What the ranges of one Service come to.
struct Ranges {
  std::map<Family, std::vector<IpPrefix>> allowed;
  std::string reason;  ///< of the problem; empty: all is well
  std::string message;
};

Ranges tooMany(std::string message) {
  return {{}, kTooMany, "loadBalancerSourceRanges: " + std::move(message)};
}

Ranges rangesOf(const model::Service& service) {
  const std::size_t count = service.sourceRanges.size();
  const std::size_t ports = service.ports.size();
  if (count * ports > kMaxRangesOfService) {
    return tooMany(std::to_string(count) + " ranges on " + std::to_string(ports) +
                   " port(s) are more than " + std::to_string(kMaxRangesOfService) +
                   " in all, and nobody is admitted; write fewer, wider ranges or split the "
                   "Service");
  }
  Ranges result;
  std::size_t bad = 0;
  for (const std::string& text : service.sourceRanges) {
    if (const auto range = parseSourceRange(text)) {
      result.allowed[range->network.family()].push_back(*range);
    } else if (++bad == 1) {
      result.reason = kInvalid;
      result.message = "loadBalancerSourceRanges: \"" + text.substr(0, 64) + "\"";
    }
  }
  if (bad > 0) {
    result.message +=
        bad == 1 ? " is not a network and admits nobody"
                 : " and " + std::to_string(bad - 1) + " more are not networks and admit nobody";
    result.message += "; write it like 192.0.2.0/24";
  }
  for (auto& [family, allowed] : result.allowed) {
    std::sort(allowed.begin(), allowed.end());
    allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  }
  return result;
}

/// Entries of a set: it keeps a prefix of length 0 as two.
std::size_t entriesOf(const std::vector<IpPrefix>& allowed) {
  const bool all = !allowed.empty() && allowed.front().length == 0;
  return allowed.size() + (all ? 1 : 0);
}

class Guards {
 public:
  explicit Guards(std::span<const VipPort> vipPorts) {
    for (const VipPort& vipPort : vipPorts) {
      if (!vipPort.service->sourceRanges.empty()) guarded_.push_back(&vipPort);
    }
    for (const VipPort* vipPort : guarded_) {
      const auto [at, isNew] = ranges_.try_emplace(vipPort->service->key);
      if (isNew) at->second = rangesOf(*vipPort->service);
    }
    closeLargest(Family::kIpv4);
    closeLargest(Family::kIpv6);
  }

  SourceGuards take() && {
    SourceGuards result;
    result.guards.reserve(guarded_.size());
    for (const VipPort* vipPort : guarded_) {
      const Ranges& ranges = ranges_.at(vipPort->service->key);
      const auto allowed = ranges.allowed.find(vipPort->key.vip.family());
      result.guards.push_back({vipPort->key, allowed == ranges.allowed.end()
                                                 ? std::vector<IpPrefix>{}
                                                 : allowed->second});
      if (!ranges.reason.empty()) {
        result.problems.push_back(
            {vipPort->service->key, vipPort->key.vip, ranges.reason, ranges.message});
      }
    }
    std::sort(result.problems.begin(), result.problems.end());
    result.problems.erase(std::unique(result.problems.begin(), result.problems.end()),
                          result.problems.end());
    return result;
  }

 private:
  void closeLargest(Family family) {
    std::map<kube::ObjectKey, std::size_t> entries;
    for (const VipPort* vipPort : guarded_) {
      if (vipPort->key.vip.family() != family) continue;
      const Ranges& ranges = ranges_.at(vipPort->service->key);
      const auto allowed = ranges.allowed.find(family);
      if (allowed != ranges.allowed.end()) {
        entries[vipPort->service->key] += entriesOf(allowed->second);
      }
    }
    std::set<std::pair<std::size_t, kube::ObjectKey>> bySize;
    for (const auto& [service, count] : entries) bySize.emplace(count, service);
    std::size_t sum = 0;
    for (const auto& [count, service] : bySize) {
      sum += count;
      if (sum <= kMaxRangesOfAll) continue;
      ranges_.at(service) =
          tooMany("those of all Services are more than " + std::to_string(kMaxRangesOfAll) +
                  ", and this one, among those with the most, admits nobody; write fewer, wider "
                  "ranges");
    }
  }

  std::vector<const VipPort*> guarded_;
  std::map<kube::ObjectKey, Ranges> ranges_;
};

// The prefix of that length, at most its own, that it lies in.
IpPrefix widened(const IpPrefix& prefix, std::uint8_t length) {
  const unsigned host = prefix.network.bits() - length;
  const Uint128 kept = host == 128 ? 0 : prefix.network.number() >> host << host;
  return {IpAddress::fromNumber(prefix.network.family(), kept), length};
}

// Those of `inner` that lie within one of `outer`; both ascending.
void addWithin(const std::vector<IpPrefix>& inner, const std::vector<IpPrefix>& outer,
               std::vector<IpPrefix>& common) {
  std::set<std::uint8_t> lengths;
  for (const IpPrefix& each : outer) lengths.insert(each.length);
  for (const IpPrefix& one : inner) {
    const bool within = std::any_of(lengths.begin(), lengths.end(), [&](std::uint8_t length) {
      return length <= one.length &&
             std::binary_search(outer.begin(), outer.end(), widened(one, length));
    });
    if (within) common.push_back(one);
  }
}

}  // namespace

// IpPrefix::parse is stricter.
std::optional<IpPrefix> parseSourceRange(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned length = address->bits();
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, status] =
        std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (status != std::errc{} || end != digits.data() + digits.size() || length > address->bits()) {
      return std::nullopt;
    }
  }
  const unsigned hostBits = address->bits() - length;
  // A shift by the full width is undefined.
  const Uint128 network =
      hostBits >= 128 ? Uint128{0} : (address->number() >> hostBits) << hostBits;
  return IpPrefix{IpAddress::fromNumber(address->family(), network),
                  static_cast<std::uint8_t>(length)};
}

const net::SourceRanges* findRanges(const std::vector<net::SourceRanges>& all,
                                    const ipvs::VirtualServerKey& key) {
  const auto at = std::lower_bound(
      all.begin(), all.end(), key,
      [](const net::SourceRanges& one, const auto& wanted) { return one.virtualServer < wanted; });
  return at != all.end() && at->virtualServer == key ? &*at : nullptr;
}

SourceGuards guardSources(std::span<const VipPort> vipPorts) { return Guards(vipPorts).take(); }

std::vector<IpPrefix> narrower(const std::vector<IpPrefix>& a, const std::vector<IpPrefix>& b) {
  if (a == b) return a;
  std::vector<IpPrefix> common;
  addWithin(a, b, common);
  addWithin(b, a, common);
  std::sort(common.begin(), common.end());
  common.erase(std::unique(common.begin(), common.end()), common.end());
  return common;
}

}  // namespace barevip::node
