// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/ip_tables.h"

// The kernel's headers define the same where they come first.
// clang-format off
#include <netinet/in.h>
// clang-format on

#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace barevip::host {
namespace {

using Bytes = std::vector<std::byte>;

constexpr int kAccept = -NF_ACCEPT - 1;
constexpr int kDrop = -NF_DROP - 1;
constexpr int kReturn = XT_RETURN;

/// A table as the kernel would show it, rule by rule.
class Builder {
 public:
  explicit Builder(Family family) { table_.family = family; }

  [[nodiscard]] std::uint32_t here() const {
    return static_cast<std::uint32_t>(table_.entries.size());
  }

  /// A rule for packets from `in` (empty: from anywhere); `to` is a verdict or the offset of a
  /// jump.
  Builder& rule(const std::string& in, int to) {
    xt_standard_target target{};
    target.target.u.user.target_size = XT_ALIGN(sizeof(target));
    target.verdict = to;
    return add(in, Bytes(), bytesOf(target, XT_ALIGN(sizeof(target))));
  }

  /// A rule with a match and a target of an extension, of which the kernel alone knows what they
  /// mean.
  Builder& extension(const std::string& name, bool withMatch) {
    xt_entry_target target{};
    target.u.user.target_size = XT_ALIGN(sizeof(target) + 8);
    name.copy(target.u.user.name, sizeof(target.u.user.name) - 1);
    return add("", Bytes(withMatch ? 48 : 0, std::byte{7}),
               bytesOf(target, XT_ALIGN(sizeof(target) + 8)));
  }

  Builder& chain(const std::string& name) {
    xt_error_target target{};
    target.target.u.user.target_size = XT_ALIGN(sizeof(target));
    std::strcpy(target.target.u.user.name, XT_ERROR_TARGET);
    name.copy(target.errorname, sizeof(target.errorname) - 1);
    return add("", Bytes(), bytesOf(target, XT_ALIGN(sizeof(target))));
  }

  Builder& builtIn(unsigned hook, std::uint32_t first, std::uint32_t policy) {
    table_.validHooks |= 1U << hook;
    table_.hookEntry.at(hook) = first;
    table_.underflow.at(hook) = policy;
    return *this;
  }

  [[nodiscard]] IpTable take() const { return table_; }

 private:
  template <class T>
  static Bytes bytesOf(const T& value, std::size_t size) {
    Bytes bytes(size);
    std::memcpy(bytes.data(), &value, sizeof(value));
    return bytes;
  }

  Builder& add(const std::string& in, const Bytes& match, const Bytes& target) {
    return table_.family == Family::kIpv4
               ? addEntry<ipt_entry>(&ipt_entry::ip, in, match, target)
               : addEntry<ip6t_entry>(&ip6t_entry::ipv6, in, match, target);
  }

  template <class Entry, class Conditions>
  Builder& addEntry(Conditions Entry::*conditions, const std::string& in, const Bytes& match,
                    const Bytes& target) {
    Entry entry{};
    in.copy((entry.*conditions).iniface, IFNAMSIZ - 1);
    std::memset((entry.*conditions).iniface_mask, 0xff,
                in.ends_with('+') ? in.size() - 1 : in.size());
    entry.target_offset = static_cast<std::uint16_t>(sizeof(entry) + match.size());
    entry.next_offset = static_cast<std::uint16_t>(entry.target_offset + target.size());
    entry.comefrom = 5;
    entry.counters.pcnt = 9;
    for (const Bytes& part : {bytesOf(entry, sizeof(entry)), match, target}) {
      table_.entries.insert(table_.entries.end(), part.begin(), part.end());
    }
    ++table_.count;
    return *this;
  }

  IpTable table_;
};

class IpTables : public ::testing::TestWithParam<Family> {
 protected:
  /// FORWARD: a rule with a match, a jump to OTHERS, `last`; then its policy.
  IpTable filter(int policy, bool lastRejects = false) {
    Builder probe(GetParam());
    probe.extension("LOG", true).rule("", 0);
    if (lastRejects) probe.extension("REJECT", false);
    const std::uint32_t policyAt = probe.here();
    const std::uint32_t others = probe.rule("", policy).chain("OTHERS").here();
    Builder builder(GetParam());
    builder.builtIn(NF_INET_FORWARD, 0, policyAt)
        .extension("LOG", true)
        .rule("", static_cast<int>(others));
    if (lastRejects) builder.extension("REJECT", false);
    return builder.rule("", policy)
        .chain("OTHERS")
        .rule("eth+", kAccept)
        .rule("", kReturn)
        .chain(XT_ERROR_TARGET)
        .take();
  }

  static IpTableEdit done(Result<IpTableEdit> edit) {
    EXPECT_TRUE(edit) << edit.error().message;
    return std::move(edit).value_or(IpTableEdit{});
  }
};

TEST_P(IpTables, LetThroughInFrontOfAPolicyThatDropsAndOnce) {
  const IpTable before = filter(kDrop);
  const IpTableEdit edit = done(lettingThrough(before));
  EXPECT_EQ(edit.writes, 2U);
  EXPECT_EQ(edit.table.count, before.count + 2);
  EXPECT_EQ(edit.table.hookEntry, before.hookEntry);
  EXPECT_GT(edit.table.underflow.at(NF_INET_FORWARD), before.underflow.at(NF_INET_FORWARD));
  using From = std::vector<std::optional<std::size_t>>;
  EXPECT_EQ(edit.from, (From{0, 1, std::nullopt, std::nullopt, 2, 3, 4, 5, 6}));
  EXPECT_EQ(done(lettingThrough(edit.table)).writes, 0U);
}

TEST_P(IpTables, LetThroughInFrontOfALastRuleThatRejects) {
  const IpTableEdit edit = done(lettingThrough(filter(kAccept, true)));
  EXPECT_EQ(edit.writes, 2U);
  EXPECT_FALSE(edit.from.at(2));
  EXPECT_EQ(edit.from.at(4), 2U) << "the one that rejects";
  EXPECT_EQ(done(lettingThrough(edit.table)).writes, 0U);
}

TEST_P(IpTables, StayAsTheyAreWhereNothingDropsAllThatIsLeft) {
  const IpTable before = filter(kAccept);
  const IpTableEdit edit = done(lettingThrough(before));
  EXPECT_EQ(edit.writes, 0U);
  EXPECT_EQ(edit.table.entries, before.entries);
}

TEST_P(IpTables, AreAsBeforeOnceTheRulesAreTakenBack) {
  const IpTable before = filter(kDrop, true);
  const IpTableEdit back = done(takingBack(done(lettingThrough(before)).table));
  EXPECT_EQ(back.writes, 2U);
  EXPECT_EQ(back.table.entries, before.entries);
  EXPECT_EQ(back.table.underflow, before.underflow);
}

TEST_P(IpTables, LoseTheChainsOfAFormerReleaseAndTheJumpsToThem) {
  // The same table twice, once with BAREVIP-INPUT before OTHERS, and its jump first in INPUT.
  const auto build = [](bool with) {
    std::uint32_t ours = 0;
    std::uint32_t others = 0;
    IpTable table;
    for (int pass = 0; pass < 2; ++pass) {  // the second knows where chains begin
      Builder builder(GetParam());
      if (with) builder.rule("", static_cast<int>(ours));
      builder.rule("eth0", static_cast<int>(others));
      const std::uint32_t policy = builder.here();
      builder.rule("", kAccept);
      if (with) {
        ours = builder.chain("BAREVIP-INPUT").here();
        builder.extension("DROP", true).rule("", kReturn);
      }
      others = builder.chain("OTHERS").here();
      builder.rule("", kReturn).chain(XT_ERROR_TARGET).builtIn(NF_INET_LOCAL_IN, 0, policy);
      table = builder.take();
    }
    return table;
  };
  const IpTableEdit edit = done(removingFormer(build(true)));
  EXPECT_EQ(edit.writes, 4U);
  EXPECT_EQ(edit.table.entries, build(false).entries);
  EXPECT_EQ(edit.table.hookEntry, build(false).hookEntry);
  EXPECT_EQ(edit.table.underflow, build(false).underflow);
  EXPECT_EQ(edit.table.count, build(false).count);
  EXPECT_EQ(done(removingFormer(edit.table)).writes, 0U);
}

TEST_P(IpTables, OfAnotherFormAreRefused) {
  IpTable cut = filter(kDrop);
  cut.entries.pop_back();
  EXPECT_FALSE(lettingThrough(cut));
  IpTable endless = filter(kDrop);
  std::fill(endless.entries.begin(), endless.entries.end(), std::byte{0});
  EXPECT_FALSE(lettingThrough(endless));
  IpTable miscounted = filter(kDrop);
  ++miscounted.count;
  EXPECT_FALSE(lettingThrough(miscounted));
}

INSTANTIATE_TEST_SUITE_P(Families, IpTables, ::testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& family) {
                           return family.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace barevip::host
