// SPDX-License-Identifier: Apache-2.0
#include "operator/page/move_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "fakes/manual_clock.h"

namespace barevip::controlplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

model::IpObject ipObject(const std::string& address, const std::string& node) {
  model::IpObject ipObject;
  ipObject.status.address = address;
  ipObject.status.node = node;
  return ipObject;
}

class Moves : public testing::Test {
 protected:
  void moves(const std::string& address, const std::string& from, const std::string& to) {
    history_.changed(ipObject(address, from), ipObject(address, to));
  }

  ManualClock clock_;
  MoveHistory history_{clock_};
};

TEST_F(Moves, AreKeptTheNewestFirst) {
  moves("10.0.0.1", "", "n1");
  clock_.advance(std::chrono::seconds(5));
  moves("10.0.0.1", "n1", "n2");
  EXPECT_THAT(history_.moves(), ElementsAre(Move{clock_.wallNow(), "10.0.0.1", "n1", "n2"},
                                            Move{history_.since(), "10.0.0.1", "", "n1"}));
}

TEST_F(Moves, OfAVipWithSeveralIpObjectsCountOnce) {
  moves("10.0.0.1", "n1", "n2");
  moves("10.0.0.1", "n1", "n2");
  EXPECT_EQ(history_.moves().size(), 1U);
}

TEST_F(Moves, BackToANodeCountAgain) {
  moves("10.0.0.1", "n1", "n2");
  moves("10.0.0.1", "n2", "n1");
  moves("10.0.0.1", "n1", "n2");
  EXPECT_EQ(history_.moves().size(), 3U);
}

TEST_F(Moves, AreNotWhatElseChanges) {
  moves("10.0.0.1", "n1", "n1");
  moves("", "n1", "n2");
  history_.changed(ipObject("10.0.0.1", "n1"), ipObject("10.0.0.2", ""));
  EXPECT_THAT(history_.moves(), IsEmpty());
}

TEST_F(Moves, AreForgottenWhenThereAreTooMany) {
  for (std::size_t i = 0; i < MoveHistory::kMost + 10; ++i) {
    moves("10.0.0.1", "n" + std::to_string(i), "n" + std::to_string(i + 1));
  }
  EXPECT_EQ(history_.moves().size(), MoveHistory::kMost);
  EXPECT_EQ(history_.moves().front().to, "n" + std::to_string(MoveHistory::kMost + 10));
}

}  // namespace
}  // namespace barevip::controlplane
