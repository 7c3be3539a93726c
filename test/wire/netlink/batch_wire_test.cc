// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "ipvsnode/netlink/batch.h"
#include "wire/netlink/wire_kernel.h"

namespace barevip::wire_test {
namespace {

using netlink::Message;
using netlink::Received;
using netlink::Socket;

constexpr std::uint16_t kType = 20;
constexpr int kLeastBuffer = 2304;  // the kernel gives no less (SOCK_MIN_RCVBUF)
constexpr auto kShort = std::chrono::milliseconds(50);

/// A request whose payload is the errno that it wants to be answered with.
Message request(int error) { return netlink::newMessage(kType, 0, netlink::bytesOf(error)); }

std::vector<Message> requests(const std::vector<int>& errors) {
  std::vector<Message> messages;
  messages.reserve(errors.size());
  for (const int error : errors) messages.push_back(request(error));
  return messages;
}

Answer obey(const Received& message) {
  Answer answer;
  answer.error = message.familyHeader<int>().value_or(EBADMSG);
  if (answer.error == EINVAL) answer.text = "the moon is full";
  return answer;
}

/// The outcomes of requests that are all there already.
Result<std::vector<netlink::Outcome>> sendAll(Socket& socket, std::vector<Message> messages,
                                              const netlink::ReplyHandler& reply = {}) {
  std::vector<netlink::Outcome> outcomes;
  const auto sent = netlink::sendAll(
      socket, messages.size(), [&](std::size_t i) { return std::move(messages[i]); },
      [&](std::size_t i, const netlink::Outcome& outcome) {
        EXPECT_EQ(i, outcomes.size());
        outcomes.push_back(outcome);
      },
      reply);
  if (!sent) return tl::make_unexpected(sent.error());
  return outcomes;
}

std::vector<int> errorsOf(const Result<std::vector<netlink::Outcome>>& outcomes) {
  std::vector<int> errors;
  if (!outcomes) {
    ADD_FAILURE() << outcomes.error().message;
    return errors;
  }
  for (const auto& outcome : *outcomes) errors.push_back(outcome.error);
  return errors;
}

std::vector<std::size_t> sizesOf(const std::vector<std::vector<std::uint16_t>>& datagrams) {
  std::vector<std::size_t> sizes;
  for (const auto& datagram : datagrams) sizes.push_back(datagram.size());
  return sizes;
}

TEST(Batch, OnlyTheLastOfASendAsksForAnAcknowledgement) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  EXPECT_EQ(errorsOf(sendAll(socket, requests(std::vector<int>(300, 0)))),
            std::vector<int>(300, 0));
  const auto datagrams = kernel.received();
  EXPECT_EQ(sizesOf(datagrams), (std::vector<std::size_t>{256, 44}));
  for (const auto& flags : datagrams) {
    for (std::size_t i = 0; i < flags.size(); ++i) {
      EXPECT_EQ((flags[i] & NLM_F_ACK) != 0, i + 1 == flags.size()) << i;
    }
  }
}

TEST(Batch, IsSmallIfTheBuffersAreNotAsWanted) {
  WireKernel kernel(obey);
  auto options = kernel.options();
  options.bufferBytes = INT_MAX;  // more than anybody gets
  auto socket = WireKernel::connect(options);
  ASSERT_FALSE(socket.buffersAsWanted());
  ASSERT_TRUE(sendAll(socket, requests(std::vector<int>(150, 0))));
  EXPECT_EQ(sizesOf(kernel.received()), (std::vector<std::size_t>{64, 64, 22}));
}

TEST(Batch, ARequestIsMadeForTheSendThatCarriesIt) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  std::size_t made = 0;
  std::size_t settled = 0;
  const auto sent = netlink::sendAll(
      socket, 1000,
      [&](std::size_t) {
        EXPECT_LE(++made - settled, netlink::kBatchWithLargeBuffers);
        return request(0);
      },
      [&](std::size_t, const netlink::Outcome&) { ++settled; });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(settled, 1000U);
}

TEST(Batch, WhatNeedsNoRequestIsLeftOutAndTheOthersKeepTheirNumbers) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  std::vector<std::size_t> settled;
  const auto encode = [&](std::size_t i) { return i % 3 == 0 ? request(0) : Message(); };
  const auto settle = [&](std::size_t i, const netlink::Outcome&) { settled.push_back(i); };
  ASSERT_TRUE(netlink::sendAll(socket, 8, encode, settle));
  EXPECT_EQ(settled, (std::vector<std::size_t>{0, 3, 6}));
  EXPECT_EQ(sizesOf(kernel.received()), std::vector<std::size_t>{3});
  const auto none = [](std::size_t) { return Message(); };
  ASSERT_TRUE(netlink::sendAll(socket, 600, none, settle));
  EXPECT_EQ(kernel.received().size(), 1U) << "nothing to send, nothing sent";
}

TEST(Batch, OfNothingSendsNothing) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  EXPECT_EQ(errorsOf(sendAll(socket, {})), std::vector<int>{});
  EXPECT_TRUE(kernel.received().empty());
}

TEST(Batch, ErrorsBelongToTheirRequestsAndStopNothing) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  std::vector<int> wanted(600, 0);
  for (std::size_t i = 0; i < wanted.size(); i += 7) wanted[i] = ENOENT;
  wanted[255] = EEXIST;
  wanted[599] = EBUSY;
  EXPECT_EQ(errorsOf(sendAll(socket, requests(wanted))), wanted);
}

TEST(Batch, TheKernelsOwnWordsAreKept) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  const auto outcomes = sendAll(socket, requests({0, EINVAL}));
  ASSERT_TRUE(outcomes);
  EXPECT_EQ(netlink::describe(outcomes->back()), "Invalid argument (the moon is full)");
  const auto one = netlink::sendOne(socket, request(EINVAL), "cannot howl");
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().message, "cannot howl: Invalid argument (the moon is full)");
  EXPECT_EQ(one.error().detail, EINVAL);
}

TEST(Batch, TheTextIsFoundBehindAWholeRequestToo) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  // Without NETLINK_CAP_ACK the failed request stands between error and text.
  const std::uint32_t sequence = socket.nextSequence() + 1;
  nlmsgerr error{.error = -EINVAL, .msg = {}};
  error.msg.nlmsg_len = sizeof(nlmsghdr) + 4;
  Bytes payload;
  const auto add = [&](std::span<const std::byte> bytes) {
    payload.insert(payload.end(), bytes.begin(), bytes.end());
  };
  const nlattr attribute{.nla_len = 8, .nla_type = NLMSGERR_ATTR_MSG};
  const std::array<char, 4> text = {'b', 'a', 'd', 0};
  add(netlink::bytesOf(error));
  add(Bytes(4));
  add(netlink::bytesOf(attribute));
  add(netlink::bytesOf(text));
  kernel.answerOnce(messageBytes(NLMSG_ERROR, NLM_F_ACK_TLVS, sequence, socket.port(), payload));
  const auto outcomes = sendAll(socket, requests({EINVAL}));
  ASSERT_TRUE(outcomes) << outcomes.error().message;
  EXPECT_EQ(outcomes->front().text, "bad");
}

TEST(Batch, APeerThatNeverAnswersIsATimeout) {
  WireKernel kernel(obey);
  kernel.setMute(true);
  auto options = kernel.options();
  options.timeout = kShort;
  auto socket = WireKernel::connect(options);
  const auto outcomes = sendAll(socket, requests({0}));
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().code, ErrorCode::kTimeout);
  EXPECT_NE(outcomes.error().message.find("unknown"), std::string::npos);
}

TEST(Batch, ALostAcknowledgementIsATimeoutAndTheNextBatchWorks) {
  WireKernel kernel(obey);
  kernel.loseAcks(1);
  auto options = kernel.options();
  options.timeout = std::chrono::milliseconds(500);
  auto socket = WireKernel::connect(options);
  EXPECT_EQ(sendAll(socket, requests({0})).error().code, ErrorCode::kTimeout);
  EXPECT_EQ(errorsOf(sendAll(socket, requests({ENOENT, 0}))), (std::vector<int>{ENOENT, 0}));
}

TEST(Batch, AnswersToARequestGivenUpAreNotMistaken) {
  WireKernel kernel(obey);
  kernel.setMute(true);
  auto options = kernel.options();
  options.timeout = kShort;
  auto early = WireKernel::connect(options);
  ASSERT_FALSE(sendAll(early, requests({0, 0})));
  // They come late: before the next send, and after it.
  const nlmsgerr late{.error = -EIO, .msg = {}};
  const auto bytes = netlink::bytesOf(late);
  kernel.sendTo(early.port(),
                messageBytes(NLMSG_ERROR, 0, 1, early.port(), Bytes(bytes.begin(), bytes.end())));
  kernel.setMute(false);
  kernel.answerOnce(
      messageBytes(NLMSG_ERROR, 0, 2, early.port(), Bytes(bytes.begin(), bytes.end())));
  EXPECT_EQ(errorsOf(sendAll(early, requests({0, ENOENT}))), (std::vector<int>{0, ENOENT}));
}

TEST(Batch, LostAnswersAreAnErrorAndTheNextBatchWorks) {
  std::atomic<bool> first = true;
  std::latch busy(1);
  std::latch flooded(1);
  WireKernel kernel([&](const Received& message) {
    if (first.exchange(false)) {
      const auto& header = message.header();
      kernel.sendTo(header.nlmsg_pid, messageBytes(77, 0, header.nlmsg_seq, 0, {}));
      busy.wait();
      kernel.flood(100, 4096);
      flooded.count_down();
    }
    return obey(message);
  });
  auto socket = kernel.connect();
  if (!kernel.mayFlood(socket)) GTEST_SKIP() << "only root may listen to a group here";
  // The reader is kept busy while more comes in than fits.
  const auto lost = sendAll(socket, requests({0}), [&](const Received&) {
    busy.count_down();
    flooded.wait();
  });
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(lost.error().detail, ENOBUFS);
  EXPECT_EQ(errorsOf(sendAll(socket, requests({0}))), std::vector<int>{0});
}

TEST(Batch, ThatOutgrowsTheSendBufferIsAnError) {
  WireKernel kernel(obey);
  auto options = kernel.options();
  options.bufferBytes = kLeastBuffer;
  auto socket = WireKernel::connect(options);
  const auto outcomes = sendAll(socket, requests(std::vector<int>(256, 0)));
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().detail, EMSGSIZE);
  EXPECT_EQ(outcomes.error().code, ErrorCode::kUnavailable);
}

TEST(Batch, AnAnswerThatIsCutOffIsAnError) {
  for (const std::size_t size : {1U, 15U, 19U, 35U}) {
    WireKernel kernel(obey);
    auto socket = kernel.connect();
    Bytes answer = messageBytes(NLMSG_ERROR, 0, 1, socket.port(), Bytes(sizeof(nlmsgerr)));
    answer.resize(size);
    kernel.answerOnce(answer);
    const auto outcomes = sendAll(socket, requests({0}));
    ASSERT_FALSE(outcomes) << size;
    EXPECT_EQ(outcomes.error().code, ErrorCode::kInternal);
  }
}

TEST(Batch, AnErrorWithoutItsRequestIsAFailureOfThatRequest) {
  WireKernel kernel(obey);
  auto socket = kernel.connect();
  kernel.answerOnce(messageBytes(NLMSG_ERROR, 0, 1, socket.port(), Bytes(4)));
  EXPECT_EQ(errorsOf(sendAll(socket, requests({0}))), std::vector<int>{EBADMSG});
}

TEST(Batch, StrangersAreNotListenedTo) {
  WireKernel stranger(obey);
  WireKernel kernel([&](const Received& message) {
    const auto& header = message.header();
    const nlmsgerr lie{.error = -EPERM, .msg = header};
    const auto bytes = netlink::bytesOf(lie);
    stranger.sendTo(header.nlmsg_pid, messageBytes(NLMSG_ERROR, 0, header.nlmsg_seq, 0,
                                                   Bytes(bytes.begin(), bytes.end())));
    return obey(message);
  });
  auto socket = kernel.connect();
  EXPECT_EQ(errorsOf(sendAll(socket, requests({0}))), std::vector<int>{0});
}

TEST(Batch, APeerThatIsGoneIsAnError) {
  auto kernel = std::make_unique<WireKernel>(obey);
  auto socket = kernel->connect();
  kernel.reset();
  const auto outcomes = sendAll(socket, requests({0}));
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().code, ErrorCode::kUnavailable);
}

TEST(Batch, RepliesGoToTheirHandler) {
  WireKernel kernel([](const Received&) {
    return Answer{.error = 0, .text = {}, .replies = {Bytes(4), Bytes(8)}, .type = 77};
  });
  auto socket = kernel.connect();
  std::vector<std::size_t> sizes;
  const auto done = netlink::sendOne(socket, request(0), "cannot ask", [&](const Received& reply) {
    EXPECT_EQ(reply.header().nlmsg_type, 77);
    sizes.push_back(reply.payload().size());
  });
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(sizes, (std::vector<std::size_t>{4, 8}));
}

}  // namespace
}  // namespace barevip::wire_test
