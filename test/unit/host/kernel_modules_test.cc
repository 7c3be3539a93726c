// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/kernel_modules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace barevip::host {
namespace {

/// Notes what is run and answers with one status.
class Recorder final : public CommandRunner {
 public:
  explicit Recorder(int status, std::string errors = {}) : answer_{status, {}, std::move(errors)} {}

  Result<CommandOutput> run(const Command& command, std::stop_token stop) override {
    if (stop.stop_requested()) return fail(ErrorCode::kStopped, "stopped");
    commands.push_back(toString(command));
    return answer_;
  }

  std::vector<std::string> commands;

 private:
  CommandOutput answer_;
};

const std::string kNone = "barevip_no_such_module";

TEST(KernelModules, AMissingRequiredModuleIsAClearSentence) {
  Recorder runner(1, "modprobe: FATAL: Module not found");
  const auto report = loadModules({{kNone, true, "virtual servers"}}, runner);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
  for (const char* part : {"has no barevip_no_such_module (virtual servers)", "Module not found",
                           "/lib/modules", "additional kernel modules"}) {
    EXPECT_NE(report.error().message.find(part), std::string::npos)
        << part << " in: " << report.error().message;
  }
}

TEST(KernelModules, AMissingOptionalModuleIsNoted) {
  Recorder runner(1);
  const auto report = loadModules({{kNone, false, "a scheduler"}}, runner);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->missing, std::vector<std::string>{kNone});
  EXPECT_EQ(runner.commands, std::vector<std::string>{"modprobe " + kNone});
}

TEST(KernelModules, AModuleIsLoadedWithItsParameters) {
  Recorder runner(0);
  ASSERT_TRUE(loadModules({{kNone, false, "virtual servers", {"conn_tab_bits=18"}}}, runner));
  EXPECT_EQ(runner.commands, std::vector<std::string>{"modprobe " + kNone + " conn_tab_bits=18"});
}

TEST(KernelModules, IpvsIsLoadedWithATableForManyConnections) {
  EXPECT_EQ(modulesOf(net::Placement::kDirector).front().parameters,
            std::vector<std::string>{"conn_tab_bits=18"});
}

TEST(KernelModules, ASmallerTableThatSomethingElseChoseIsNamedWithItsRemedy) {
  const auto advice = adviseConnectionTable("12\n");
  ASSERT_TRUE(advice);
  for (const char* part : {"conn_tab_bits=12", "conn_tab_bits=18", "/etc/modprobe.d", "reboot"}) {
    EXPECT_NE(advice->find(part), std::string::npos) << part << " in: " << *advice;
  }
  for (const char* fine : {"18\n", "20\n", "", "?"}) EXPECT_FALSE(adviseConnectionTable(fine));
}

TEST(KernelModules, AModuleThatIsBuiltInIsNeitherLoadedNorMissing) {
  Recorder runner(0);
  const auto report = loadModules({{kNone, false, "a scheduler"}}, runner);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->missing.empty());
  EXPECT_TRUE(report->loaded.empty());
}

TEST(KernelModules, AStopEndsTheLoading) {
  Recorder runner(0);
  std::stop_source source;
  source.request_stop();
  const auto report = loadModules({{kNone, false, "a scheduler"}}, runner, source.get_token());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kStopped);
}

TEST(KernelModules, EachPlacementLoadsItsDevicesAndIpvsFirst) {
  const auto has = [](const std::vector<Module>& modules, const std::string& name) {
    return std::any_of(modules.begin(), modules.end(),
                       [&](const Module& module) { return module.name == name; });
  };
  const auto director = modulesOf(net::Placement::kDirector);
  const auto host = modulesOf(net::Placement::kHost);
  EXPECT_EQ(director.front().name, "ip_vs");
  EXPECT_TRUE(director.front().required);
  EXPECT_TRUE(has(director, "veth"));
  EXPECT_FALSE(has(director, "dummy"));
  EXPECT_TRUE(has(host, "dummy"));
  EXPECT_TRUE(has(host, "ip_vs_mh"));
}

}  // namespace
}  // namespace barevip::host
