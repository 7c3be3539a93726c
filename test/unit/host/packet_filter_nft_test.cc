// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_nft.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace barevip::host {
namespace {

using ipvs::Protocol;

constexpr std::string_view kFresh = "add table inet barevip\ndelete table inet barevip\n";

const ipvs::VirtualServerKey kWeb{*IpAddress::parse("192.0.2.200"), 80, Protocol::kTcp};
const ipvs::VirtualServerKey kMail{*IpAddress::parse("192.0.2.200"), 25, Protocol::kTcp};

/// nft over a table in memory.
class FakeNft final : public CommandRunner {
 public:
  std::optional<Ruleset> table;              ///< inet barevip
  std::map<std::string, std::string> lists;  ///< what follows "list" -> listing of others
  /// What this version of nft writes for "accept;" in a table that it lists.
  std::string spelling = "accept;";
  std::vector<std::string> written;
  std::string failure;  ///< of each command, while it is not empty
  int failures = 0;     ///< how many of the next writes fail

  Result<CommandOutput> run(const Command& command, std::stop_token stop) override {
    if (stop.stop_requested()) return fail(ErrorCode::kStopped, "stopped");
    if (!failure.empty()) return CommandOutput{1, {}, failure};
    if (command.arguments.front() == "--check") return CommandOutput{};
    if (command.arguments.front() == "-f") return write(command.input);
    std::string what;
    bool seen = false;
    for (const auto& argument : command.arguments) {
      if (seen) what += (what.empty() ? "" : " ") + argument;
      seen = seen || argument == "list";
    }
    if (what == "table inet barevip" && table) {
      std::string text = replacing(*table).text.substr(kFresh.size());
      for (std::size_t at = 0; (at = text.find("accept;", at)) != std::string::npos;) {
        text.replace(at, 7, spelling);
        at += spelling.size();
      }
      return CommandOutput{0, text, {}};
    }
    if (lists.contains(what)) return CommandOutput{0, lists.at(what), {}};
    return CommandOutput{1, {}, "Error: No such file or directory\n"};
  }

 private:
  Result<CommandOutput> write(const std::string& text) {
    if (failures > 0) {
      --failures;
      return CommandOutput{1, {}, "Error: Could not process rule: No such file or directory\n"};
    }
    written.push_back(text);
    if (text == kFresh) {
      table.reset();
    } else if (text.starts_with(kFresh)) {
      table = parseRuleset(std::string_view(text).substr(kFresh.size()));
    }
    return CommandOutput{};
  }
};

class PacketFilterNft : public ::testing::Test {
 protected:
  PacketFilterNft() {
    state.vips = {kWeb.vip};
    state.virtualServers = {kWeb};
    state.keepClient = {kWeb};
  }

  NftPacketFilter filter(FilterRole role) {
    return {{role,
             {"eth0"},
             {count(letThrough), count(takenBack),
              [this]() -> Result<std::size_t> {
                if (!refusal.empty()) return fail(ErrorCode::kUnavailable, refusal);
                ++formerRemoved;
                return 0U;
              }}},
            nft};
  }

  static std::function<Result<std::size_t>()> count(int& times) {
    return [&times]() -> Result<std::size_t> {
      ++times;
      return 0U;
    };
  }

  FakeNft nft;
  net::FilterState state;
  int letThrough = 0;
  int takenBack = 0;
  int formerRemoved = 0;
  std::string refusal;  ///< of removing what a former release left
};

class FilterOfEachRole : public PacketFilterNft,
                         public ::testing::WithParamInterface<FilterRole> {};

TEST_P(FilterOfEachRole, ASecondReconcileWritesNothing) {
  EXPECT_GT(filter(GetParam()).reconcile(state).value_or(0), 0U);
  EXPECT_EQ(filter(GetParam()).reconcile(state), 0U);
  EXPECT_EQ(nft.written.size(), 1U);
}

TEST_P(FilterOfEachRole, WhatAnotherHandRemovedComesBack) {
  NftPacketFilter one = filter(GetParam());
  (void)one.reconcile(state);
  const auto right = nft.table;
  nft.table->chains.erase("postrouting");
  EXPECT_GT(one.reconcile(state).value_or(0), 0U);
  EXPECT_EQ(nft.table, right);
  nft.table.reset();
  EXPECT_GT(one.reconcile(state).value_or(0), 0U);
  EXPECT_EQ(nft.table, right);
}

INSTANTIATE_TEST_SUITE_P(Roles, FilterOfEachRole,
                         ::testing::Values(FilterRole::kDirector, FilterRole::kNode,
                                           FilterRole::kHost));

TEST_F(PacketFilterNft, AnUpdateLooksAtNothingAndWritesWhatChanged) {
  NftPacketFilter director = filter(FilterRole::kDirector);
  (void)director.reconcile(state);
  nft.table.reset();  // whoever looked would find that
  state.keepClient = {kMail, kWeb};
  EXPECT_EQ(director.update(state), 1U);
  EXPECT_EQ(nft.written.back(), "add element inet barevip keep4 { 192.0.2.200 . 6 . 25 }\n");
  EXPECT_EQ(director.update(state), 0U);
}

TEST_F(PacketFilterNft, AnUpdateOfFewElementsRunsNoProgram) {
  std::vector<net::SetChange> made;
  bool refuse = false;
  NftPacketFilter director{{FilterRole::kDirector,
                            {},
                            {},
                            [&](const auto& changes) -> Result<void> {
                              if (refuse) return fail(ErrorCode::kUnavailable, "ENOENT", 2);
                              made.insert(made.end(), changes.begin(), changes.end());
                              return {};
                            }},
                           nft};
  (void)director.reconcile(state);
  const std::size_t written = nft.written.size();
  state.keepClient = {kMail, kWeb};
  EXPECT_EQ(director.update(state), 1U);
  EXPECT_EQ(nft.written.size(), written);
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made.front().set, "keep4");
  refuse = true;
  state.keepClient.clear();
  nft.table.reset();
  EXPECT_GT(director.update(state).value_or(0), 1U) << "as after a table that is gone";
  EXPECT_EQ(nft.table, rulesetOf(FilterRole::kDirector, {}, state).value_or(Ruleset{}));
  refuse = false;
  for (std::uint16_t port = 1; port <= 300; ++port) {
    state.keepClient.push_back({kWeb.vip, port, Protocol::kTcp});
  }
  EXPECT_EQ(director.update(state), 300U);
  EXPECT_EQ(made.size(), 1U) << "nft writes many";
}

TEST_F(PacketFilterNft, AnUpdateThatFailsLooksAndRepairs) {
  NftPacketFilter director = filter(FilterRole::kDirector);
  (void)director.reconcile(state);
  nft.table.reset();
  nft.failures = 1;
  state.keepClient.clear();
  EXPECT_GT(director.update(state).value_or(0), 0U);
  EXPECT_EQ(nft.table, rulesetOf(FilterRole::kDirector, {}, state).value_or(Ruleset{}));
}

TEST_P(FilterOfEachRole, AnotherSpellingIsWrittenOnceOnly) {
  nft.spelling = "accept; # as a later version of nft has it";
  NftPacketFilter one = filter(GetParam());
  EXPECT_GT(one.reconcile(state).value_or(0), 0U);
  EXPECT_EQ(one.reconcile(state), 0U);
  state.vips.clear();
  state.sourceRanges = {{kWeb, {}}};
  EXPECT_LT(one.reconcile(state).value_or(99), 3U) << "elements alone";
}

TEST_F(PacketFilterNft, AnErrorIsToldInNftsWords) {
  nft.failure = "Error: cache initialization failed: Operation not supported";
  const auto reconciled = filter(FilterRole::kNode).reconcile(state);
  ASSERT_FALSE(reconciled);
  EXPECT_NE(reconciled.error().message.find("Operation not supported"), std::string::npos);
  EXPECT_FALSE(checkNft(FilterRole::kNode, {"eth0"}, nft));
  nft.failure.clear();
  EXPECT_TRUE(checkNft(FilterRole::kNode, {"eth0"}, nft));
  EXPECT_TRUE(nft.written.empty());
}

constexpr const char* kDropping = R"({"nftables": [{"chain": {"policy": "drop"}}]})";

TEST_F(PacketFilterNft, OnlyTheNodeOutvotesAPolicyThatDropsWhatIsForwarded) {
  nft.lists["chain ip filter FORWARD"] = kDropping;
  for (const FilterRole role : {FilterRole::kDirector, FilterRole::kHost}) {
    (void)filter(role).reconcile(state);
    EXPECT_EQ(nft.written.size(), 1U);
    EXPECT_EQ(letThrough, 0);
    nft.written.clear();
  }
  (void)filter(FilterRole::kNode).reconcile(state);
  EXPECT_EQ(nft.written.back(),
            "add rule ip filter FORWARD iifname \"bvip*\" counter accept\n"
            "add rule ip filter FORWARD oifname \"bvip*\" counter accept\n");
  EXPECT_EQ(letThrough, 1);
}

constexpr const char* kJump = R"({"nftables": [{"rule": {"handle": 9, "expr":
    [{"counter": {"packets": 0, "bytes": 0}}, {"jump": {"target": "BAREVIP-POSTROUTING"}}]}}]})";

TEST_F(PacketFilterNft, TheFirstReconcileRemovesWhatAFormerReleaseLeftOnceTheTableIsThere) {
  nft.lists["chains"] = "table ip nat {\n\tchain BAREVIP-POSTROUTING {\n\t}\n}\n";
  nft.lists["chain ip nat POSTROUTING"] = kJump;
  NftPacketFilter director = filter(FilterRole::kDirector);
  (void)director.reconcile(state);
  ASSERT_EQ(nft.written.size(), 2U);
  EXPECT_TRUE(nft.written.front().starts_with(kFresh)) << "no moment is without rules";
  EXPECT_EQ(nft.written.back(),
            "delete rule ip nat POSTROUTING handle 9\nflush chain ip nat BAREVIP-POSTROUTING\n"
            "delete chain ip nat BAREVIP-POSTROUTING\n");
  EXPECT_EQ(formerRemoved, 1);
  EXPECT_EQ(director.reconcile(state), 0U);
  EXPECT_EQ(formerRemoved, 1);
}

TEST_F(PacketFilterNft, NoVipWaitsForTheEndOfWhatAFormerReleaseLeft) {
  refusal = "Operation not permitted";
  NftPacketFilter director = filter(FilterRole::kDirector);
  EXPECT_GT(director.reconcile(state).value_or(0), 0U);
  refusal.clear();
  EXPECT_EQ(director.reconcile(state), 0U);
  EXPECT_EQ(formerRemoved, 1);
}

TEST_F(PacketFilterNft, ClearRemovesAllOfIt) {
  (void)filter(FilterRole::kNode).reconcile(state);
  nft.lists["chain ip6 filter FORWARD"] =
      R"({"nftables": [{"rule": {"handle": 4, "expr": [{"match": {"op": "==", "left":
          {"meta": {"key": "oifname"}}, "right": "bvip*"}}, {"accept": null}]}}]})";
  const auto cleared = filter(FilterRole::kNode).clear();
  ASSERT_TRUE(cleared) << cleared.error().message;
  EXPECT_FALSE(nft.table);
  EXPECT_EQ(nft.written.back(), "delete rule ip6 filter FORWARD handle 4\n");
  EXPECT_EQ(takenBack, 1);
  EXPECT_TRUE(filter(FilterRole::kNode).clear()) << "there is nothing to remove";
}

}  // namespace
}  // namespace barevip::host
