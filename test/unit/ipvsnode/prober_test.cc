// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fakes/fake_announcer.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using Answers = std::map<IpAddress, std::optional<std::string>>;

Answers ask(fakes::FakeAnnouncer& network, const std::vector<IpAddress>& addresses) {
  Answers answers;
  std::promise<void> done;
  Prober prober(network, "eth0", [&](const IpAddress& address, std::optional<std::string> mac) {
    answers.emplace(address, std::move(mac));
    if (answers.size() == addresses.size()) done.set_value();
  });
  prober.start();
  prober.ask({addresses, {addresses.begin(), addresses.end()}, {}});
  EXPECT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
  return answers;
}

TEST(Prober, TellsWhoAnswersForEachAddress) {
  fakes::FakeAnnouncer network;
  network.setHolder(ip("192.0.2.1"), "02:00:00:00:00:66");
  const Answers answers = ask(network, {ip("192.0.2.1"), ip("2001:db8::1")});
  EXPECT_EQ(answers.at(ip("192.0.2.1")), "02:00:00:00:00:66");
  EXPECT_EQ(answers.at(ip("2001:db8::1")), std::nullopt);
}

TEST(Prober, AProbeThatCannotBeSentCountsAsSilence) {
  fakes::FakeAnnouncer network;
  network.setError(Error{ErrorCode::kUnavailable, "network is down", 0, {}});
  EXPECT_EQ(ask(network, {ip("192.0.2.1")}).at(ip("192.0.2.1")), std::nullopt);
}

/// Nobody answers, and the first probe takes until the test lets it end.
class SlowNetwork final : public net::Announcer {
 public:
  net::AnnounceOutcome announce(const std::vector<IpAddress>& /*addresses*/,
                                const std::string& /*device*/) override {
    return {};
  }
  Result<std::optional<std::string>> probe(const IpAddress& address, const std::string& /*device*/,
                                           std::chrono::milliseconds /*wait*/,
                                           std::stop_token /*stop*/) override {
    asked.push_back(address);
    if (asked.size() == 1) {
      begun.set_value();
      mayEnd.get_future().wait();
    }
    return std::nullopt;
  }

  std::vector<IpAddress> asked;  ///< of the prober's thread until that has ended
  std::promise<void> begun;
  std::promise<void> mayEnd;
};

/// A prober in the middle of a probe for kFirst.
class BusyProberTest : public testing::Test {
 protected:
  BusyProberTest() {
    prober_.start();
    prober_.ask({{kFirst}, {kFirst}, {}});
    network_.begun.get_future().wait();
  }

  void ask(const std::vector<IpAddress>& addresses, const std::set<IpAddress>& urgent = {}) {
    open_.insert(addresses.begin(), addresses.end());
    prober_.ask({addresses, open_, urgent});
  }

  /// Lets it go on until it has asked for `last`.
  std::vector<IpAddress> askedUpTo(const IpAddress& last) {
    last_ = last;
    network_.mayEnd.set_value();
    EXPECT_EQ(done_.get_future().wait_for(10s), std::future_status::ready);
    return network_.asked;
  }

  const IpAddress kFirst = ip("192.0.2.1");
  SlowNetwork network_;
  std::set<IpAddress> open_{kFirst};
  IpAddress last_;
  std::promise<void> done_;
  Prober prober_{network_, "eth0", [this](const IpAddress& address, const auto& /*mac*/) {
                   if (address == last_) done_.set_value();
                 }};
};

TEST_F(BusyProberTest, AFailoverWaitsForNoProbeOfANewVip) {
  ask({ip("192.0.2.2"), ip("192.0.2.3")});
  ask({ip("10.0.0.9")}, {ip("10.0.0.9")});
  EXPECT_THAT(askedUpTo(ip("192.0.2.3")),
              testing::ElementsAre(kFirst, ip("10.0.0.9"), ip("192.0.2.2"), ip("192.0.2.3")));
}

TEST_F(BusyProberTest, AnAddressIsQueuedOnce) {
  for (int i = 0; i < 1000; ++i) ask({ip("192.0.2.2")});
  EXPECT_EQ(prober_.queued(), 1U);
  EXPECT_THAT(askedUpTo(ip("192.0.2.2")), testing::ElementsAre(kFirst, ip("192.0.2.2")));
}

TEST_F(BusyProberTest, WhatIsNotAwaitedAnyMoreIsNotAsked) {
  // A Service that is created and deleted in a loop.
  for (int i = 0; i < 1000; ++i) {
    const IpAddress vip = ip(("192.0.3." + std::to_string(i % 250)).c_str());
    prober_.ask({{vip}, {kFirst, vip}, {}});
    prober_.ask({{}, {kFirst}, {}});
  }
  EXPECT_EQ(prober_.queued(), 0U);
  ask({ip("192.0.2.2")});
  EXPECT_THAT(askedUpTo(ip("192.0.2.2")), testing::ElementsAre(kFirst, ip("192.0.2.2")));
}

TEST(Prober, WaitsLessWhileManyAreQueued) {
  EXPECT_EQ(Prober::waitFor(0), Prober::kWait);
  EXPECT_EQ(Prober::waitFor(3), Prober::kWait);
  EXPECT_LT(Prober::waitFor(20), Prober::kWait);
  EXPECT_EQ(Prober::waitFor(5000), Prober::kLeastWait);
}

class TwoNetworks final : public net::Announcer {
 public:
  net::AnnounceOutcome announce(const std::vector<IpAddress>& /*addresses*/,
                                const std::string& /*device*/) override {
    return {};
  }
  Result<std::optional<std::string>> probe(const IpAddress& /*address*/, const std::string& device,
                                           std::chrono::milliseconds /*wait*/,
                                           std::stop_token /*stop*/) override {
    return std::optional(device);
  }
};

TEST(Prober, AsksOnTheInterfaceThatTheQuestionNamesElseOnTheFirst) {
  TwoNetworks network;
  Answers answers;
  std::promise<void> done;
  Prober prober(network, "eth0", [&](const IpAddress& address, std::optional<std::string> device) {
    answers.emplace(address, std::move(device));
    if (answers.size() == 2) done.set_value();
  });
  const IpAddress here = ip("192.0.2.1");
  const IpAddress there = ip("198.51.100.1");
  prober.ask({{here, there}, {here, there}, {}, {{there, "eth1"}}});
  prober.start();
  ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(answers, (Answers{{here, "eth0"}, {there, "eth1"}}));
}

}  // namespace
}  // namespace barevip::node::test
