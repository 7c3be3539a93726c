// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "ipvsnode/netlink/dump.h"
#include "wire/netlink/wire_kernel.h"

namespace barevip::wire_test {
namespace {

using netlink::Received;

constexpr std::uint16_t kType = 20;

/// A table of five entries whose payload is their number.
Answer table(const Received&) {
  Answer answer{.error = 0, .text = {}, .replies = {}, .type = kType + 1};
  for (const int number : {1, 2, 3, 4, 5}) {
    const auto bytes = netlink::bytesOf(number);
    answer.replies.emplace_back(bytes.begin(), bytes.end());
  }
  return answer;
}

struct Reading {
  Result<void> result;
  std::vector<int> entries;
  int attempts = 0;
};

Reading read(netlink::Socket& socket) {
  Reading reading;
  const auto request = netlink::newMessage(kType, 0, {});
  reading.result = netlink::dump(socket, request, "cannot read the table",
                                 {.restart =
                                      [&] {
                                        reading.entries.clear();
                                        ++reading.attempts;
                                      },
                                  .entry = [&](const Received& entry) -> Result<void> {
                                    reading.entries.push_back(entry.familyHeader<int>().value());
                                    return {};
                                  }});
  return reading;
}

const std::vector<int> kWhole = {1, 2, 3, 4, 5};

TEST(Dump, ReadsToTheEndOverManyDatagrams) {
  WireKernel kernel(table);
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_TRUE(reading.result) << reading.result.error().message;
  EXPECT_EQ(reading.entries, kWhole);
  EXPECT_EQ(reading.attempts, 1);
}

TEST(Dump, OfAnEmptyTableIsEmpty) {
  WireKernel kernel([](const Received&) { return Answer{}; });
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_TRUE(reading.result) << reading.result.error().message;
  EXPECT_TRUE(reading.entries.empty());
}

TEST(Dump, IsRepeatedIfTheTableChangedMeanwhile) {
  WireKernel kernel(table);
  kernel.interruptDumps(3);
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_TRUE(reading.result) << reading.result.error().message;
  EXPECT_EQ(reading.entries, kWhole) << "nothing of the interrupted ones is left";
  EXPECT_EQ(reading.attempts, 4);
}

TEST(Dump, GivesUpOnATableThatNeverRests) {
  WireKernel kernel(table);
  kernel.interruptDumps(1000);
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_FALSE(reading.result);
  EXPECT_EQ(reading.result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(reading.attempts, netlink::kDumpAttempts);
}

TEST(Dump, ThatTheKernelRefusesNamesTheReason) {
  WireKernel kernel(
      [](const Received&) { return Answer{.error = EPERM, .text = {}, .replies = {}}; });
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_FALSE(reading.result);
  EXPECT_EQ(reading.result.error().code, ErrorCode::kForbidden);
  EXPECT_EQ(reading.result.error().detail, EPERM);
  EXPECT_NE(reading.result.error().message.find("cannot read the table"), std::string::npos);
  EXPECT_NE(reading.result.error().message.find("CAP_NET_ADMIN"), std::string::npos);
}

TEST(Dump, ThatFailsInTheMiddleIsNotTakenForWhole) {
  WireKernel kernel(table);
  kernel.setDumpStatus(ENOMEM);
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_FALSE(reading.result);
  EXPECT_EQ(reading.result.error().detail, ENOMEM);
}

TEST(Dump, ThatEndsWithEintrIsRepeated) {
  WireKernel kernel(table);
  kernel.setDumpStatus(EINTR);
  auto socket = kernel.connect();
  const auto reading = read(socket);
  ASSERT_FALSE(reading.result) << "and given up, as this one always does";
  EXPECT_EQ(reading.attempts, netlink::kDumpAttempts);
}

TEST(Dump, WithoutAnEndIsATimeoutAndTheNextWorks) {
  WireKernel kernel(table);
  kernel.setEndless(true);
  auto options = kernel.options();
  options.timeout = std::chrono::milliseconds(300);
  auto socket = WireKernel::connect(options);
  EXPECT_EQ(read(socket).result.error().code, ErrorCode::kTimeout);
  kernel.setEndless(false);
  EXPECT_EQ(read(socket).entries, kWhole);
}

TEST(Dump, ThatIsCutOffIsAnError) {
  WireKernel kernel(table);
  auto socket = kernel.connect();
  Bytes entry = messageBytes(kType + 1, NLM_F_MULTI, 1, socket.port(), Bytes(16));
  entry.resize(20);
  kernel.answerOnce(entry);
  const auto reading = read(socket);
  ASSERT_FALSE(reading.result);
  EXPECT_EQ(reading.result.error().code, ErrorCode::kInternal);
}

TEST(Dump, EndsWithTheFirstEntryThatCannotBeRead) {
  WireKernel kernel(table);
  auto socket = kernel.connect();
  int seen = 0;
  const auto request = netlink::newMessage(kType, 0, {});
  const auto result = netlink::dump(socket, request, "cannot read",
                                    {.restart = [] {},
                                     .entry = [&](const Received&) -> Result<void> {
                                       if (++seen < 2) return {};
                                       return fail(ErrorCode::kInvalid, "bad entry");
                                     }});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "bad entry");
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(read(socket).entries, kWhole) << "its rest does not get into the next";
}

}  // namespace
}  // namespace barevip::wire_test
