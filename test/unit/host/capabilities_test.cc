// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/capabilities.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>

#include "common/base/command.h"

namespace barevip::host {
namespace {

TEST(Capabilities, WhatIsMissingIsNamedWithItsReasonAndItsMending) {
  const std::array missing{Capability::kNetRaw, Capability::kSysAdmin};
  const std::string sentence = missingCapabilities(missing);
  for (const char* part : {"NET_RAW for ARP", "SYS_ADMIN to make or enter", "[NET_RAW, SYS_ADMIN]",
                           "securityContext.capabilities"}) {
    EXPECT_NE(sentence.find(part), std::string::npos) << part << " in: " << sentence;
  }
  EXPECT_EQ(sentence.find("NET_ADMIN"), std::string::npos);
}

TEST(Capabilities, AfterTheDropThreadAndProgramsHaveNoMoreThanTheNetwork) {
  if (!hasCapability(Capability::kSysAdmin)) GTEST_SKIP() << "nothing to drop";
  std::jthread([] {
    ASSERT_TRUE(dropCapabilities());
    EXPECT_FALSE(hasCapability(Capability::kSysAdmin));
    EXPECT_TRUE(hasCapability(Capability::kNetAdmin));
    EXPECT_TRUE(hasCapability(Capability::kNetRaw));
    SystemCommandRunner runner;
    const auto status = runSuccessfully(runner, {"cat", {"/proc/self/status"}});
    ASSERT_TRUE(status) << status.error().message;
    // CAP_NET_ADMIN is 12, CAP_NET_RAW 13 (<linux/capability.h>).
    EXPECT_NE(status->output.find("CapEff:\t0000000000003000"), std::string::npos)
        << status->output;
    EXPECT_FALSE(checkCapabilities(net::Placement::kDirector));
    EXPECT_TRUE(checkCapabilities(net::Placement::kHost));
    EXPECT_TRUE(dropCapabilities()) << "a second time is fine";
  }).join();
  EXPECT_TRUE(checkCapabilities(net::Placement::kDirector)) << "other threads keep theirs";
}

}  // namespace
}  // namespace barevip::host
