// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>

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
  prober.ask(addresses);
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

TEST(Prober, WaitsLessWhileManyAreQueued) {
  EXPECT_EQ(Prober::waitFor(0), Prober::kWait);
  EXPECT_EQ(Prober::waitFor(3), Prober::kWait);
  EXPECT_LT(Prober::waitFor(20), Prober::kWait);
  EXPECT_EQ(Prober::waitFor(5000), Prober::kLeastWait);
}

}  // namespace
}  // namespace barevip::node::test
