// SPDX-License-Identifier: Apache-2.0
#include "cli/view/kernel_comparison.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace barevip::cli {
namespace {

IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }

ipvs::RealServer real(const std::string& address, std::uint32_t weight = 1) {
  return {{ip(address), 8080}, weight};
}

ClientPath pathTo(std::vector<std::string> candidates) {
  return {"TCP 10.0.0.1:80", "n1", {}, std::move(candidates), "it takes turns"};
}

std::string compared(const ClientPath& path, std::vector<ipvs::RealServer> there,
                     const std::string& node = "n1") {
  std::vector<ClientPath> paths{path};
  compareWithKernel({node, {{{ip("10.0.0.1"), 80}, {}, std::move(there)}}}, paths);
  return paths[0].kernel;
}

TEST(AKernel, HasWhatObjectsShowInWhateverOrder) {
  const auto path = pathTo({"10.1.0.2:8080", "10.1.0.1:8080"});
  EXPECT_EQ(compared(path, {real("10.1.0.1"), real("10.1.0.2")}),
            "the kernel of n1 has the same endpoints");
  const ClientPath one{"TCP 10.0.0.1:80", "n1", "10.1.0.1:8080", {}, {}};
  EXPECT_EQ(compared(one, {real("10.1.0.1")}), "the kernel of n1 has the same endpoints");
}

TEST(AKernel, LacksWhatItHasNot) {
  const auto path = pathTo({"10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080"});
  EXPECT_EQ(compared(path, {real("10.1.0.3")}),
            "the kernel of n1 lacks 10.1.0.1:8080, 10.1.0.2:8080");
}

TEST(AKernel, HasMoreThanObjectsShow) {
  const auto path = pathTo({"10.1.0.1:8080"});
  EXPECT_EQ(compared(path, {real("10.1.0.1"), real("10.1.0.9")}),
            "the kernel of n1 also has 10.1.0.9:8080");
  EXPECT_EQ(compared(path, {real("10.1.0.9")}),
            "the kernel of n1 lacks 10.1.0.1:8080 and also has 10.1.0.9:8080");
}

TEST(AKernel, LeadsNothingNewToWhatItDrains) {
  const auto path = pathTo({"10.1.0.1:8080"});
  EXPECT_EQ(compared(path, {real("10.1.0.1"), real("10.1.0.9", 0)}),
            "the kernel of n1 has the same endpoints");
}

TEST(AKernel, MayHaveNoSuchVirtualServer) {
  std::vector<ClientPath> paths{pathTo({"10.1.0.1:8080"})};
  compareWithKernel({"n1", {}}, paths);
  EXPECT_EQ(paths[0].kernel, "the kernel of n1 has no such virtual server");
}

TEST(AKernel, IsNotComparedWithPathsByAnotherNodeOrToNoEndpoint) {
  EXPECT_EQ(compared(pathTo({"10.1.0.1:8080"}), {real("10.1.0.1")}, "n2"), "");
  EXPECT_EQ(compared(pathTo({}), {real("10.1.0.1")}), "");
}

}  // namespace
}  // namespace barevip::cli
