// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_nft.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "barevip/base/log.h"

namespace barevip::host {

namespace {

constexpr std::chrono::milliseconds kDeadline{20'000};
/// More cost less by nft, which knows how much fits into one transaction.
constexpr std::size_t kFewChanges = 128;

/// Without counters; priorities and protocols as numbers, whose names depend on the machine.
Command tableCommand() {
  return {"nft", {"-s", "-y", "-p", "list", "table", "inet", "barevip"}, {}, kDeadline, {}};
}

/// The names of all chains and what they hook into, no rule.
Command chainsCommand() {
  return {"nft", {"list", "chains"}, {}, kDeadline, mattersToFormerChains};
}

Command chainCommand(const ForeignChain& chain) {
  return {"nft",
          {"-j", "list", "chain", std::string(chain.family), std::string(chain.table),
           std::string(chain.name)},
          {},
          kDeadline,
          {}};
}

Result<std::optional<std::string>> runList(CommandRunner& runner, const Command& command,
                                           const std::stop_token& stop) {
  auto output = runner.run(command, stop);
  if (!output) return tl::make_unexpected(std::move(output.error()));
  if (output->status == 0) return std::move(output->output);
  if (output->errors.find("No such file or directory") != std::string::npos) return std::nullopt;
  return fail(ErrorCode::kUnavailable, toString(command) + " failed: " + output->errors);
}

std::size_t countLines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

Result<void> checkNft(FilterRole role, const std::vector<std::string>& bindInterfaces,
                      CommandRunner& runner, const std::stop_token& stop) {
  const auto ruleset = rulesetOf(role, bindInterfaces, {});
  if (!ruleset) return tl::make_unexpected(ruleset.error());
  const auto checked = runSuccessfully(
      runner, {"nft", {"--check", "-f", "-"}, replacing(*ruleset).text, kDeadline, {}}, stop);
  if (!checked) return tl::make_unexpected(checked.error());
  return {};
}

NftPacketFilter::NftPacketFilter(PacketFilterOptions options, CommandRunner& runner,
                                 std::stop_token stop)
    : options_(std::move(options)), runner_(runner), stop_(std::move(stop)) {}

Result<void> NftPacketFilter::write(const std::string& commands) {
  if (commands.empty()) return {};
  const auto written =
      runSuccessfully(runner_, {"nft", {"-f", "-"}, commands, kDeadline, {}}, stop_);
  if (!written) return tl::make_unexpected(written.error());
  return {};
}

Result<std::size_t> NftPacketFilter::changeForeign(
    const std::vector<ForeignChain>& chains,
    const std::function<std::string(const ForeignChain&, const ForeignRules&)>& change) {
  std::string commands;
  for (const ForeignChain& chain : chains) {
    const auto listing = runList(runner_, chainCommand(chain), stop_);
    if (!listing) return tl::make_unexpected(listing.error());
    commands += change(chain, parseForeignRules(listing->value_or(std::string())));
  }
  if (auto written = write(commands); !written) return tl::make_unexpected(written.error());
  return countLines(commands);
}

Result<std::optional<Ruleset>> NftPacketFilter::readTable() {
  const auto listing = runList(runner_, tableCommand(), stop_);
  if (!listing) return tl::make_unexpected(listing.error());
  if (!*listing) return std::nullopt;
  return parseRuleset(**listing);
}

Result<std::size_t> NftPacketFilter::reconcileTable(const Ruleset& desired) {
  auto found = readTable();
  if (!found) return tl::make_unexpected(std::move(found.error()));
  const bool right = *found && (sameFrame(**found, desired) || sameFrame(**found, shown_));
  const NftCommands commands =
      right ? changingElements((*found)->sets, desired.sets) : replacing(desired);
  if (auto written = write(commands.text); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }
  if (right) return commands.writes;
  auto shown = readTable();
  if (!shown) return tl::make_unexpected(std::move(shown.error()));
  shown_ = std::move(*shown).value_or(Ruleset{});
  for (auto& [name, set] : shown_.sets) set.elements.clear();
  return commands.writes;
}

Result<std::size_t> NftPacketFilter::letThrough() {
  if (options_.role != FilterRole::kNode) return 0U;
  const auto passed = changeForeign(forwardChains(), lettingThrough);
  if (!passed || !options_.others.letThrough) return passed;
  return options_.others.letThrough().map([&](std::size_t more) { return *passed + more; });
}

Result<std::size_t> NftPacketFilter::removeFormer() {
  const auto listing = runList(runner_, chainsCommand(), stop_);
  if (!listing) return tl::make_unexpected(listing.error());
  const auto removed =
      changeForeign(formerChains(listing->value_or(std::string())), removingFormer);
  if (!removed || !options_.others.removeFormer) return removed;
  return options_.others.removeFormer().map([&](std::size_t more) { return *removed + more; });
}

/// They serve nobody any more, but no VIP waits for their end: each reconcile tries again.
std::size_t NftPacketFilter::tryRemovingFormer() {
  if (formerGone_) return 0;
  const auto removed = removeFormer();
  formerGone_ = removed.has_value();
  if (removed) return *removed;
  log::warn("rules of a release before nftables cannot be removed yet",
            {{"error", removed.error().message}});
  return 0;
}

Result<std::size_t> NftPacketFilter::reconcile(const net::FilterState& desired) {
  applied_.reset();
  const auto ruleset = rulesetOf(options_.role, options_.bindInterfaces, desired);
  if (!ruleset) return tl::make_unexpected(ruleset.error());
  const auto written = reconcileTable(*ruleset);
  if (!written) return written;
  const auto passed = letThrough();
  if (!passed) return passed;
  applied_ = desired;
  return *written + *passed + tryRemovingFormer();
}

Result<std::size_t> NftPacketFilter::update(const net::FilterState& desired) {
  if (!applied_) return reconcile(desired);
  const auto changes = elementChanges(options_.role, *applied_, desired);
  if (changes.size() <= kFewChanges && options_.changeElements) {
    // Most likely another program changed the table.
    if (!options_.changeElements(changes)) return reconcile(desired);
  } else if (!write(changingElements(options_.role, *applied_, desired).text)) {
    return reconcile(desired);
  }
  applied_ = desired;
  return changes.size();
}

Result<void> NftPacketFilter::clear() {
  applied_.reset();
  if (auto removed = write(removing().text); !removed) return removed;
  auto taken = changeForeign(forwardChains(), takingBack);
  if (taken && options_.others.takeBack) taken = options_.others.takeBack();
  if (taken) taken = removeFormer();
  if (!taken) return tl::make_unexpected(taken.error());
  return {};
}

}  // namespace barevip::host
