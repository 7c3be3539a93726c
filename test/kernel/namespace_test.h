// SPDX-License-Identifier: Apache-2.0
// A network namespace for each test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "barevip/base/ip.h"

#include "common/base/file_descriptor.h"

namespace barevip::kernel_test {

inline FileDescriptor currentNamespace() {
  return FileDescriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

/// A new network namespace, which lives as long as the descriptor.
inline FileDescriptor newNamespace() {
  FileDescriptor made;
  std::jthread([&] {
    if (unshare(CLONE_NEWNET) == 0) made = currentNamespace();
  }).join();
  EXPECT_TRUE(made.valid()) << "a new network namespace needs root";
  return made;
}

/// Runs a command line in the namespace of the calling thread; what it printed, errors included.
/// The test fails if the command does.
inline std::string run(const std::string& command) {
  FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> buffer{};
  for (;;) {
    const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe);
    if (count == 0) break;
    output.append(buffer.data(), count);
  }
  EXPECT_EQ(pclose(pipe), 0) << command << ": " << output;
  return output;
}

/// Runs `ip` once with several commands, one a line.
inline std::string runIp(const std::string& lines) {
  return run("ip -batch - <<'END'\n" + lines + "\nEND\n");
}

/// The test's thread stands in a namespace of its own, in which lo is up, and goes home afterwards.
class NamespaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_ = currentNamespace();
    ASSERT_TRUE(home_.valid());
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "a new network namespace needs root";
    run("ip link set lo up");
  }
  void TearDown() override { ASSERT_EQ(setns(home_.get(), CLONE_NEWNET), 0); }

 private:
  FileDescriptor home_;
};

/// Runs `work` on a thread that stands in another namespace.
template <class Work>
void within(const FileDescriptor& space, const Work& work) {
  std::jthread([&] {
    ASSERT_EQ(setns(space.get(), CLONE_NEWNET), 0);
    work();
  }).join();
}

inline IpAddress ip(const char* text) { return *IpAddress::parse(text); }

}  // namespace barevip::kernel_test
