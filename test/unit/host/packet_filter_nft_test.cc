// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_nft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>

#include "common/base/command.h"

namespace barevip::host {
namespace {

using ::testing::HasSubstr;

/// nft over one table in memory.
class FakeNft final : public CommandRunner {
 public:
  std::string table;     ///< empty: there is none
  std::string spelling;  ///< what this version of nft writes before each table that it lists
  std::string refusal;   ///< of everything but lists
  std::string fed;       ///< the last input
  bool installed = true;
  int runs = 0;

  Result<CommandOutput> run(const Command& command, std::stop_token) override {
    ++runs;
    if (!installed) return fail(ErrorCode::kNotFound, "nft is not installed");
    if (command.arguments.front() == "list") {
      if (table.empty()) return CommandOutput{1, {}, "No such file or directory"};
      return CommandOutput{0, spelling + table, {}};
    }
    if (!refusal.empty()) return CommandOutput{1, {}, refusal};
    if (command.arguments.front() == "--check") return CommandOutput{};
    fed = command.input;
    if (fed.find(" element ") != std::string::npos) {
      return table.empty() ? CommandOutput{1, {}, "No such table"} : CommandOutput{};
    }
    const std::size_t at = command.input.find("\ntable ");
    table = at == std::string::npos ? std::string() : command.input.substr(at + 1);
    return CommandOutput{};
  }
};

class NftPacketFilterTest : public ::testing::Test {
 protected:
  FakeNft nft;
  NftPacketFilter filter{NftRole::kReplies, nft};
  NftPacketFilter vips{NftRole::kVips, nft};
  const net::FilterState none{};
  const net::FilterState two{
      {*IpAddress::parse("192.0.2.9"), *IpAddress::parse("2001:db8::9")}, {}, {}, {}};
};

TEST_F(NftPacketFilterTest, ASecondReconcileWritesNothingNorDoesThatOfAnotherProcess) {
  EXPECT_GT(filter.reconcile({}).value_or(0), 0U);
  EXPECT_EQ(nft.table, nftTable(NftRole::kReplies, {}));
  EXPECT_EQ(filter.reconcile({}), 0U);
  EXPECT_EQ(NftPacketFilter(NftRole::kReplies, nft).reconcile({}), 0U);
}

TEST_F(NftPacketFilterTest, WhatAnotherHandChangedComesBack) {
  (void)filter.reconcile({});
  for (const char* changed : {"", "table inet barevip {\n}\n"}) {
    nft.table = changed;
    EXPECT_GT(filter.reconcile({}).value_or(0), 0U);
    EXPECT_EQ(nft.table, nftTable(NftRole::kReplies, {}));
  }
}

TEST_F(NftPacketFilterTest, AnotherSpellingIsWrittenOnceOnly) {
  nft.spelling = "# as a later version of nft has it\n";
  EXPECT_GT(filter.reconcile({}).value_or(0), 0U);
  EXPECT_EQ(filter.reconcile({}), 0U);
}

TEST_F(NftPacketFilterTest, AnUpdateRunsNoProgramOnceTheTableIsThere) {
  (void)filter.update({});
  EXPECT_EQ(nft.table, nftTable(NftRole::kReplies, {}));
  const int before = nft.runs;
  EXPECT_EQ(filter.update({}), 0U);
  EXPECT_EQ(nft.runs, before);
}

TEST_F(NftPacketFilterTest, VipsComeAndGoAlone) {
  (void)vips.reconcile(none);
  EXPECT_EQ(vips.update(two), 2U);
  EXPECT_EQ(nft.fed,
            "add element inet barevip vips4 { 192.0.2.9 }\n"
            "add element inet barevip vips6 { 2001:db8::9 }\n");
  EXPECT_EQ(vips.update(two), 0U);
  EXPECT_EQ(vips.update(none), 2U);
  EXPECT_EQ(nft.fed,
            "delete element inet barevip vips4 { 192.0.2.9 }\n"
            "delete element inet barevip vips6 { 2001:db8::9 }\n");
}

TEST_F(NftPacketFilterTest, AnUpdateOfATableThatIsGoneMakesItAnew) {
  (void)vips.reconcile(none);
  nft.table.clear();
  EXPECT_GT(vips.update(two).value_or(0), 2U);
  EXPECT_EQ(nft.table, nftTable(NftRole::kVips, two.vips));
}

TEST_F(NftPacketFilterTest, OtherVipsThanTheKernelHasAreWritten) {
  nft.spelling = "# as a later version of nft has it\n";
  (void)vips.reconcile(two);
  EXPECT_EQ(vips.reconcile(two), 0U);
  EXPECT_GT(vips.reconcile(none).value_or(0), 0U);
  EXPECT_EQ(nft.table, nftTable(NftRole::kVips, {}));
}

TEST_F(NftPacketFilterTest, CheckWritesNothingAndSaysWhatTheKernelLacks) {
  EXPECT_TRUE(filter.check());
  EXPECT_EQ(nft.table, "");
  nft.refusal = "Operation not supported";
  const auto refused = filter.check();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("Operation not supported"));
  EXPECT_FALSE(filter.reconcile({}));
  nft.installed = false;
  const auto missing = filter.check();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
}

TEST_F(NftPacketFilterTest, ClearRemovesTheTable) {
  EXPECT_TRUE(filter.clear());
  (void)filter.reconcile({});
  EXPECT_TRUE(filter.clear());
  EXPECT_EQ(nft.table, "");
}

}  // namespace
}  // namespace barevip::host
