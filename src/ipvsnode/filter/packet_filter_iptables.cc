// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_iptables.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace barevip::host {

namespace {

constexpr std::chrono::milliseconds kDeadline{20'000};
/// A rule that was removed lets go of its set only after a grace period of the kernel's.
constexpr int kDestroyAttempts = 20;
constexpr std::chrono::milliseconds kDestroyPause{50};

std::string programOf(FilterBackend backend, Family family, std::string_view what) {
  return std::string(family == Family::kIpv4 ? "iptables-" : "ip6tables-") +
         std::string(toString(backend)) + "-" + std::string(what);
}

std::size_t countLines(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c == '\n'; }));
}

/// What one back end shows of the node's rules.
struct Traces {
  bool installed = false;
  bool works = false;
  bool hinted = false;  ///< chains of the kubelet or of kube-proxy
  bool ours = false;    ///< chains of an earlier start
  std::size_t rules = 0;
};

Result<Traces> look(FilterBackend backend, CommandRunner& runner, const std::stop_token& stop) {
  Traces traces;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const Command save{
        programOf(backend, family, "save"), {}, {}, kDeadline, [&traces](std::string_view line) {
          traces.rules += line.starts_with("-A ") ? 1U : 0U;
          traces.hinted = traces.hinted || line.starts_with(":KUBE-");
          traces.ours = traces.ours || line.starts_with(":BAREVIP-");
          return false;
        }};
    const auto output = runner.run(save, stop);
    if (!output && output.error().code == ErrorCode::kNotFound) continue;
    if (!output) return tl::make_unexpected(output.error());
    traces.installed = true;
    // Without -t legacy shows the tables that are in use, which is none on a fresh kernel of any
    // kind: only a table of its own choice tells whether it works.
    const auto one = runner.run({programOf(backend, family, "save"),
                                 {"-t", "mangle"},
                                 {},
                                 kDeadline,
                                 [](std::string_view) { return false; }},
                                stop);
    if (!one) return tl::make_unexpected(one.error());
    traces.works = traces.works || (output->status == 0 && one->status == 0);
  }
  return traces;
}

}  // namespace

std::string_view toString(FilterBackend backend) {
  return backend == FilterBackend::kLegacy ? "legacy" : "nft";
}

Result<FilterBackend> detectBackend(CommandRunner& runner, const std::stop_token& stop) {
  const auto nft = look(FilterBackend::kNft, runner, stop);
  if (!nft) return tl::make_unexpected(nft.error());
  if (nft->works && nft->hinted) return FilterBackend::kNft;
  const auto legacy = look(FilterBackend::kLegacy, runner, stop);
  if (!legacy) return tl::make_unexpected(legacy.error());
  if (legacy->works && legacy->hinted) return FilterBackend::kLegacy;
  if (!nft->installed && !legacy->installed) {
    return fail(ErrorCode::kNotFound,
                "neither iptables-nft-save nor iptables-legacy-save is installed: the packet "
                "filter needs the package iptables");
  }
  if (nft->works && legacy->works) {
    if (nft->ours != legacy->ours) {
      return nft->ours ? FilterBackend::kNft : FilterBackend::kLegacy;
    }
    return legacy->rules > nft->rules ? FilterBackend::kLegacy : FilterBackend::kNft;
  }
  if (nft->works) return FilterBackend::kNft;
  if (legacy->works) return FilterBackend::kLegacy;
  return fail(ErrorCode::kUnsupported,
              "the kernel has neither nf_tables nor ip_tables: masquerading is not possible");
}

Result<bool> usesLegacyBackend(CommandRunner& runner, const std::stop_token& stop) {
  return detectBackend(runner, stop).map([](FilterBackend backend) {
    return backend == FilterBackend::kLegacy;
  });
}

IptablesPacketFilter::IptablesPacketFilter(PacketFilterOptions options, CommandRunner& runner,
                                           std::stop_token stop)
    : options_(std::move(options)), runner_(runner), stop_(std::move(stop)) {}

std::vector<Family> IptablesPacketFilter::families() const {
  if (options_.ipv6) return {Family::kIpv4, Family::kIpv6};
  return {Family::kIpv4};
}

std::string IptablesPacketFilter::program(Family family, std::string_view what) const {
  return programOf(options_.backend, family, what);
}

Result<SetTable> IptablesPacketFilter::readSets() {
  const auto saved =
      runSuccessfully(runner_, {"ipset", {"save"}, {}, kDeadline, isOurSetLine}, stop_);
  if (!saved) return tl::make_unexpected(saved.error());
  return parseSets(saved->output);
}

Result<std::size_t> IptablesPacketFilter::reconcileRules(Family family, const RuleSet& desired) {
  const auto saved =
      runSuccessfully(runner_, {program(family, "save"), {}, {}, kDeadline, isOurRuleLine}, stop_);
  if (!saved) return tl::make_unexpected(saved.error());
  const std::string text = restoreText(desired, parseRules(saved->output));
  if (text.empty()) return 0U;
  // -w: wait for the lock that kube-proxy and CNIs take as well.
  const auto restored = runSuccessfully(
      runner_, {program(family, "restore"), {"--noflush", "-w", "5"}, text, kDeadline, {}}, stop_);
  if (!restored) return tl::make_unexpected(restored.error());
  return countLines(text);
}

Result<std::size_t> IptablesPacketFilter::destroySets(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    for (int attempt = 1;; ++attempt) {
      const auto destroyed =
          runSuccessfully(runner_, {"ipset", {"destroy", name}, {}, kDeadline, {}}, stop_);
      if (destroyed) break;
      const bool busy = destroyed.error().message.find("in use") != std::string::npos;
      if (!busy || attempt == kDestroyAttempts) return tl::make_unexpected(destroyed.error());
      std::this_thread::sleep_for(kDestroyPause);
    }
  }
  return names.size();
}

Result<std::size_t> IptablesPacketFilter::changeSets(const SetTable& desired,
                                                     const SetTable& found) {
  const auto plan = setPlan(desired, found);
  if (!plan) return tl::make_unexpected(plan.error());
  if (plan->writes == 0) return 0U;
  const auto restored =
      runSuccessfully(runner_, {"ipset", {"restore"}, plan->text, kDeadline, {}}, stop_);
  if (!restored) return tl::make_unexpected(restored.error());
  return plan->writes;
}

Result<std::size_t> IptablesPacketFilter::update(const net::FilterState& desired) {
  if (!applied_) return reconcile(desired);
  SetTable sets = setsOf(options_.role, families(), desired);
  const SetTable before = *std::exchange(applied_, std::nullopt);
  auto written = changeSets(sets, before);
  // Most likely somebody removed a set.
  if (!written) return reconcile(desired);
  applied_ = std::move(sets);
  return written;
}

Result<std::size_t> IptablesPacketFilter::reconcile(const net::FilterState& desired) {
  applied_.reset();
  std::size_t writes = 0;
  SetTable sets = setsOf(options_.role, families(), desired);
  const auto found = readSets();
  if (!found) return tl::make_unexpected(found.error());
  const auto changed = changeSets(sets, *found);
  if (!changed) return tl::make_unexpected(changed.error());
  writes += *changed;
  for (const Family family : families()) {
    const auto written =
        reconcileRules(family, rulesOf(options_.role, family, options_.bindInterfaces));
    if (!written) return tl::make_unexpected(written.error());
    writes += *written;
  }
  SetTable ours = *found;
  // Rules of a family that is disabled by now are out of reach, and hold their sets.
  std::erase_if(ours, [this](const auto& set) {
    return !options_.ipv6 && set.second.family == Family::kIpv6;
  });
  const auto destroyed = destroySets(obsoleteSets(sets, ours));
  if (!destroyed) return tl::make_unexpected(destroyed.error());
  applied_ = std::move(sets);
  return writes + *destroyed;
}

Result<void> IptablesPacketFilter::clear() {
  applied_.reset();
  for (const Family family : families()) {
    if (const auto written = reconcileRules(family, {}); !written) {
      return tl::make_unexpected(written.error());
    }
  }
  const auto found = readSets();
  if (!found) return tl::make_unexpected(found.error());
  if (const auto destroyed = destroySets(obsoleteSets({}, *found)); !destroyed) {
    return tl::make_unexpected(destroyed.error());
  }
  return {};
}

}  // namespace barevip::host
