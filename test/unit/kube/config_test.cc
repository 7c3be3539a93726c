// SPDX-License-Identifier: Apache-2.0
#include "common/kube/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "wire/kube/pki.h"

namespace barevip::kube {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    source_.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      if (it == environment_.end()) return std::nullopt;
      return it->second;
    };
    source_.serviceAccountFolder = folder_;
  }

  // A kubeconfig that is recognized by its error.
  static std::string kubeconfig(const std::string& context) {
    return "current-context: " + context + "\n";
  }

  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name) << content;
  }

  [[nodiscard]] std::string error() const {
    const auto options = loadConfig(source_);
    return options ? std::string() : options.error().message;
  }

  wire::TemporaryFile anchor_{""};
  std::string folder_ = anchor_.path() + ".d";
  std::map<std::string, std::string> environment_;
  ConfigSource source_;
};

TEST_F(ConfigTest, TakesTheServiceAccountInsideAPod) {
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  write("ca.crt", "pem");
  write("token", "first");
  const auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->host, "10.96.0.1");
  EXPECT_EQ(options->port, 443);
  EXPECT_EQ(options->ca.file, folder_ + "/ca.crt");
  EXPECT_EQ(options->bearer(), "first");
  write("token", "second");
  EXPECT_EQ(options->bearer(), "second");
}

TEST_F(ConfigTest, TakesAnIpv6HostWithAndWithoutBrackets) {
  write("ca.crt", "pem");
  write("token", "t");
  for (const std::string host : {"fd00::1", "[fd00::1]"}) {
    environment_ = {{"KUBERNETES_SERVICE_HOST", host}, {"KUBERNETES_SERVICE_PORT", "6443"}};
    const auto options = loadConfig(source_);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->host, "fd00::1");
  }
}

TEST_F(ConfigTest, SaysWhatAPodLacks) {
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}};
  EXPECT_NE(error().find("ca.crt"), std::string::npos) << error();
  write("ca.crt", "pem");
  EXPECT_NE(error().find("/token"), std::string::npos) << error();
  EXPECT_NE(error().find("service account"), std::string::npos) << error();
  write("token", "t");
  environment_["KUBERNETES_SERVICE_PORT"] = "http";
  EXPECT_NE(error().find("KUBERNETES_SERVICE_PORT"), std::string::npos) << error();
}

TEST_F(ConfigTest, PrefersTheFlagThenTheVariableThenThePod) {
  write("flag", kubeconfig("flag"));
  write("second", kubeconfig("second"));
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
                  {"KUBECONFIG", folder_ + "/missing:" + folder_ + "/second"}};
  write("ca.crt", "pem");
  write("token", "t");
  source_.kubeconfigFlag = folder_ + "/flag";
  EXPECT_NE(error().find("named \"flag\""), std::string::npos) << error();
  source_.kubeconfigFlag.clear();
  EXPECT_NE(error().find("named \"second\""), std::string::npos) << error();
  environment_.erase("KUBECONFIG");
  EXPECT_EQ(error(), "");
}

TEST_F(ConfigTest, FallsBackToTheFileOfTheUser) {
  environment_ = {{"HOME", folder_}};
  write(".kube/config", kubeconfig("home"));
  EXPECT_NE(error().find("named \"home\""), std::string::npos) << error();
}

TEST_F(ConfigTest, SaysWhereItLooked) {
  EXPECT_NE(error().find("--kubeconfig"), std::string::npos) << error();
  environment_ = {{"KUBECONFIG", "/nowhere/a:/nowhere/b"}};
  EXPECT_NE(error().find("/nowhere/a:/nowhere/b"), std::string::npos) << error();
  source_.kubeconfigFlag = "/nowhere/c";
  EXPECT_NE(error().find("/nowhere/c"), std::string::npos) << error();
}

}  // namespace
}  // namespace barevip::kube
