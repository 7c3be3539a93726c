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

TEST_F(ConfigTest, TakesTheContextThatIsNamed) {
  write("config", "current-context: other\ncontexts: []\n");
  source_.kubeconfigFlag = folder_ + "/config";
  source_.context = "lab";
  EXPECT_NE(error().find("no context named \"lab\""), std::string::npos) << error();
}

TEST_F(ConfigTest, TheNamespaceIsThatOfTheContext) {
  write("config",
        "current-context: a\ncontexts:\n- {name: a, context: {namespace: shop}}\n"
        "- {name: b, context: {cluster: c}}\n");
  source_.kubeconfigFlag = folder_ + "/config";
  EXPECT_EQ(loadNamespace(source_), "shop");
  source_.context = "b";
  EXPECT_EQ(loadNamespace(source_), "default");
}

TEST_F(ConfigTest, TheNamespaceOfAPodIsItsOwn) {
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}};
  write("namespace", "tools");
  EXPECT_EQ(loadNamespace(source_), "tools");
}

TEST_F(ConfigTest, FallsBackToTheFileOfTheUser) {
  environment_ = {{"HOME", folder_}};
  write(".kube/config", kubeconfig("home"));
  EXPECT_NE(error().find("named \"home\""), std::string::npos) << error();
}

TEST_F(ConfigTest, TakesTheProxyOfTheEnvironment) {
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"HTTPS_PROXY", "http://proxy.lab"}};
  write("ca.crt", "pem");
  write("token", "t");
  auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->proxy, (Proxy{"proxy.lab", 80, "", ""}));
  environment_["NO_PROXY"] = "10.96.0.0/12";
  options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_FALSE(options->proxy);
  environment_ = {{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}, {"HTTPS_PROXY", "socks5://proxy.lab"}};
  options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_FALSE(options->proxy) << "one that cannot be used is meant for other programs";
}

class MergedConfigTest : public ConfigTest {
 protected:
  MergedConfigTest() { environment_ = {{"KUBECONFIG", folder_ + "/a/one:" + folder_ + "/b/two"}}; }

  // A cluster called "lab" with the given server, and a context that uses it with the user "me".
  [[nodiscard]] std::string cluster(const std::string& server, const std::string& ca) const {
    return "clusters: [{name: lab, cluster: {server: 'https://" + server +
           "', certificate-authority: " + ca +
           "}}]\ncontexts: [{name: lab, context: {cluster: lab, user: me}}]\n";
  }

  static std::string user(const std::string& lines) {
    return "users: [{name: me, user: {" + lines + "}}]\n";
  }

  std::string pem_ = wire::Authority("CA").certificate();
};

TEST_F(MergedConfigTest, JoinsTheEntriesOfAllFiles) {
  write("a/one", "current-context: lab\n" + user("token: t"));
  write("b/two", cluster("192.0.2.2", "ca.crt"));
  write("b/ca.crt", pem_);
  const auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->host, "192.0.2.2");
  EXPECT_EQ(options->bearer(), "t");
}

TEST_F(MergedConfigTest, ResolvesAPathFromTheFileOfItsEntry) {
  write("a/one", user("tokenFile: token"));
  write("a/token", "first");
  write("b/two", "current-context: lab\n" + cluster("192.0.2.2", "ca.crt"));
  write("b/ca.crt", pem_);
  const auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->ca.file, folder_ + "/b/ca.crt");
  EXPECT_EQ(options->bearer(), "first");
}

TEST_F(MergedConfigTest, TheFirstFileWinsWithWholeEntries) {
  write("a/one", "current-context: lab\n" + cluster("192.0.2.1", "ca.crt") + user("token: first"));
  write("a/ca.crt", pem_);
  write("b/two", "current-context: other\n" + cluster("192.0.2.2", "ca.crt") +
                     user("token: second, tokenFile: token"));
  const auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->host, "192.0.2.1");
  EXPECT_EQ(options->bearer(), "first") << "no member comes from the second file's entry";
}

TEST_F(MergedConfigTest, SkipsMissingAndEmptyFiles) {
  write("a/one", "");
  write("b/two", "current-context: lab\n" + cluster("192.0.2.2", "ca.crt") + user("token: t"));
  write("b/ca.crt", pem_);
  environment_["KUBECONFIG"] = "::" + folder_ + "/missing:" + environment_["KUBECONFIG"];
  const auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->host, "192.0.2.2");
}

TEST_F(MergedConfigTest, PrefersTheProxyOfTheKubeconfig) {
  environment_["HTTPS_PROXY"] = "http://other.lab";
  environment_["NO_PROXY"] = "*";
  write("a/one", "current-context: lab\n" + user("token: t") +
                     cluster("192.0.2.1", "ca.crt, proxy-url: 'http://proxy.lab:1'"));
  write("a/ca.crt", pem_);
  const auto options = loadConfig(source_);
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->proxy, (Proxy{"proxy.lab", 1, "", ""}));
}

TEST_F(MergedConfigTest, NamesTheFileThatIsBroken) {
  write("a/one", "current-context: lab\n" + cluster("192.0.2.1", "ca.crt") + user("token: t"));
  write("a/ca.crt", pem_);
  write("b/two", "clusters: [\n");
  EXPECT_EQ(error().find("kubeconfig \"" + folder_ + "/b/two\": is not valid YAML"), 0U) << error();
}

TEST_F(MergedConfigTest, NamesAllFilesIfNoneHasAnEntry) {
  write("a/one", "current-context: lab\n");
  write("b/two", user("token: t"));
  EXPECT_EQ(error().find("kubeconfig \"" + environment_["KUBECONFIG"] + "\": contexts has no"), 0U)
      << error();
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
