// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/network_namespace.h"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "ipvsnode/host/capabilities.h"

namespace barevip::host {
namespace {

/// Of this very process, so that entering it changes nothing.
constexpr const char* kHere = "/proc/self/ns/net";

TEST(NetworkNamespace, APlainFileAFolderAndNothingAreNoNamespaces) {
  EXPECT_FALSE(isNamespace("/etc/passwd"));
  EXPECT_FALSE(isNamespace("/etc"));
  EXPECT_FALSE(isNamespace("/nowhere/barevip"));
  EXPECT_TRUE(isNamespace(kHere));
}

TEST(NetworkNamespace, AMissingOneAsksForInit) {
  const auto opened = openNamespace("/nowhere/barevip");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
  EXPECT_NE(opened.error().message.find("barevip-node init"), std::string::npos);
}

TEST(NetworkNamespace, APlainFileIsToldFromANamespace) {
  const auto opened = openNamespace("/etc/passwd");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().message.find("Bidirectional"), std::string::npos);
}

class InThread : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!hasCapability(Capability::kSysAdmin)) GTEST_SKIP() << "setns needs CAP_SYS_ADMIN";
    auto started = NamespaceThread::start(kHere);
    ASSERT_TRUE(started) << started.error().message;
    thread_ = *std::move(started);
  }

  std::unique_ptr<NamespaceThread> thread_;
};

TEST_F(InThread, FunctionsRunInOneOtherThreadAndTheirResultsComeBack) {
  const auto first = thread_->run([] { return std::this_thread::get_id(); });
  EXPECT_NE(first, std::this_thread::get_id());
  EXPECT_EQ(first, thread_->run([] { return std::this_thread::get_id(); }));
  EXPECT_EQ(thread_->run([] { return std::string("text"); }), "text");
}

TEST_F(InThread, WhatAFunctionThrowsIsThrownAtTheCaller) {
  EXPECT_THROW(thread_->run([]() -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(thread_->run([] { return 1; }), 1) << "and the thread lives on";
}

TEST_F(InThread, AFunctionMayRunAnother) {
  EXPECT_EQ(thread_->run([this] { return thread_->run([] { return 7; }); }), 7);
}

TEST_F(InThread, ManyThreadsMayAskAtOnce) {
  int counter = 0;  // only the namespace's thread touches it
  std::vector<std::future<void>> askers;
  for (int i = 0; i < 4; ++i) {
    askers.push_back(std::async(std::launch::async, [&] {
      for (int j = 0; j < 100; ++j) thread_->run([&] { ++counter; });
    }));
  }
  for (auto& asker : askers) asker.get();
  EXPECT_EQ(thread_->run([&] { return counter; }), 400);
}

TEST_F(InThread, AFailureOfTheFirstFunctionIsAFailureOfTheStart) {
  const auto started = NamespaceThread::start(
      kHere, []() -> Result<void> { return fail(ErrorCode::kForbidden, "not here"); });
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "not here");
}

TEST_F(InThread, CapabilitiesDroppedThereStayElsewhere) {
  auto started = NamespaceThread::start(kHere, [] { return dropCapabilities(); });
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_FALSE((*started)->run([] { return hasCapability(Capability::kSysAdmin); }));
  EXPECT_TRUE((*started)->run([] { return hasCapability(Capability::kNetAdmin); }));
  EXPECT_TRUE(hasCapability(Capability::kSysAdmin));
}

}  // namespace
}  // namespace barevip::host
