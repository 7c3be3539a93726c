// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/module_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace barevip::host {
namespace {

TEST(ModuleFiles, AModuleIsFoundByItsNameHoweverItIsPacked) {
  for (const char* line :
       {"kernel/net/netfilter/ipvs/ip_vs.ko:", "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/a.ko",
        "updates/ip-vs.ko.zst:", "ip_vs.ko.gz", "a/b.ko:\nkernel/ip_vs.ko:\n"}) {
    EXPECT_TRUE(listsModule(line, "ip_vs")) << line;
  }
}

TEST(ModuleFiles, NeitherPartsOfANameNorDependenciesCount) {
  for (const char* line : {"kernel/ip_vs_rr.ko: kernel/ip_vs.ko", "kernel/xip_vs.ko:", "ip_vs",
                           "kernel/ip_vs/other.ko:", "", "\n\n:::/"}) {
    EXPECT_FALSE(listsModule(line, "ip_vs")) << line;
  }
}

class ModuleTree : public testing::Test {
 protected:
  ModuleTree() {
    std::string pattern = (std::filesystem::temp_directory_path() / "modules-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ / "sys/module/veth");
  }
  ~ModuleTree() override { std::filesystem::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(root_ / "lib/modules/6.1");
    std::ofstream(root_ / "lib/modules/6.1" / name) << text;
  }

  std::filesystem::path root_;
};

TEST_F(ModuleTree, EachStateIsToldFromFiles) {
  write("modules.builtin", "kernel/net/nf_conntrack.ko\n");
  write("modules.dep", "kernel/net/ip_vs.ko.xz: kernel/net/nf_conntrack.ko\n");
  const ModuleFiles files("6.1", root_);
  EXPECT_EQ(files.stateOf("veth"), ModuleState::kLoaded);
  EXPECT_EQ(files.stateOf("nf_conntrack"), ModuleState::kBuiltIn);
  EXPECT_EQ(files.stateOf("ip_vs"), ModuleState::kLoadable);
  EXPECT_EQ(files.stateOf("ip_set"), ModuleState::kMissing);
}

TEST_F(ModuleTree, WithoutTheListsOnlyLoadedOnesAreKnown) {
  const ModuleFiles files("6.1", root_);
  EXPECT_EQ(files.stateOf("veth"), ModuleState::kLoaded);
  EXPECT_EQ(files.stateOf("ip_vs"), ModuleState::kUnknown);
}

}  // namespace
}  // namespace barevip::host
