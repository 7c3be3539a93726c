// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/kube/pem_text.h"
#include "wire/kube/pki.h"

namespace barevip::kube {
namespace {

class KubeconfigTest : public ::testing::Test {
 protected:
  // A whole kubeconfig; each part can be exchanged.
  struct Parts {
    std::string current = "lab";
    std::string context = "{cluster: east, user: me}";
    std::string server = "https://192.0.2.1:6443";
    std::string ca;       // a line of the cluster
    std::string cluster;  // more lines of the cluster
    std::string user;     // lines of the user
  };

  KubeconfigTest() {
    parts_.ca = "certificate-authority-data: " + encodeBase64(authority_.certificate());
    parts_.user = "client-certificate-data: " + encodeBase64(client_.certificate) +
                  "\n    client-key-data: " + encodeBase64(client_.key);
  }

  static std::string text(const Parts& parts) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: " + parts.current +
           "\ncontexts:\n- name: lab\n  context: " + parts.context +
           "\nclusters:\n- name: east\n  cluster:\n    server: " + parts.server + "\n    " +
           parts.ca + "\n    " + parts.cluster + "\nusers:\n- name: me\n  user:\n    " +
           parts.user + "\n";
  }

  [[nodiscard]] Result<TransportOptions> parse() const {
    return parseKubeconfig(text(parts_), "/home/me/config");
  }

  // A user with a plugin; `members` end in a comma.
  static std::string exec(const std::string& members) {
    return "exec: {" + members +
           "interactiveMode: Never, apiVersion: client.authentication.k8s.io/v1}";
  }

  wire::Authority authority_{"CA"};
  wire::Identity client_ = authority_.issue("me", {});
  Parts parts_;
};

TEST_F(KubeconfigTest, GivesTheConnectionOfTheCurrentContext) {
  parts_.cluster = "tls-server-name: kubernetes";
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->host, "192.0.2.1");
  EXPECT_EQ(options->port, 6443);
  EXPECT_EQ(options->verifyName, "kubernetes");
  EXPECT_EQ(options->ca.data, authority_.certificate());
  EXPECT_EQ(options->certificate.data, client_.certificate);
  EXPECT_EQ(options->key.data, client_.key);
  EXPECT_FALSE(options->bearer);
}

TEST_F(KubeconfigTest, TakesAnIpv6Server) {
  parts_.server = "\"https://[2001:db8::1]:6443\"";
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->host, "2001:db8::1");
}

TEST_F(KubeconfigTest, TakesATokenInPlaceOfACertificate) {
  parts_.user = "token: secret";
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_TRUE(options->certificate.empty());
  EXPECT_EQ(options->bearer(), "secret");
}

TEST_F(KubeconfigTest, ReadsATokenFileAnewForEachRequest) {
  const wire::TemporaryFile file("one");
  parts_.user = "token: other\n    tokenFile: " + file.path();
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->bearer(), "one");
  file.write("two");
  EXPECT_EQ(options->bearer(), "two");
}

TEST_F(KubeconfigTest, FindsFilesRelativeToItself) {
  const wire::TemporaryFile ca(authority_.certificate());
  const std::string folder = ca.path().substr(0, ca.path().rfind('/'));
  parts_.ca = "certificate-authority: file";
  const auto options = parseKubeconfig(text(parts_), folder + "/config");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->ca.file, ca.path());
}

TEST_F(KubeconfigTest, DescribesAPluginAndRunsItNot) {
  const wire::TemporaryFile mark("");
  parts_.cluster = "tls-server-name: kubernetes";
  parts_.user = exec("command: rm, args: ['" + mark.path() +
                     "', 7], env: [{name: A, value: 'b c'}], installHint: Install it., "
                     "provideClusterInfo: true, ");
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  ASSERT_TRUE(options->exec);
  const ExecPlugin& plugin = *options->exec;
  EXPECT_EQ(plugin.apiVersion, "client.authentication.k8s.io/v1");
  EXPECT_EQ(plugin.command, "rm");
  EXPECT_EQ(plugin.arguments, (std::vector<std::string>{mark.path(), "7"}));
  EXPECT_EQ(plugin.environment, std::vector<std::string>{"A=b c"});
  EXPECT_EQ(plugin.installHint, "Install it.");
  EXPECT_EQ(plugin.interactive, ExecPlugin::Interactive::kNever);
  ASSERT_TRUE(plugin.cluster);
  EXPECT_EQ(plugin.cluster->server, parts_.server);
  EXPECT_EQ(plugin.cluster->tlsServerName, "kubernetes");
  EXPECT_EQ(plugin.cluster->authority, authority_.certificate());
  EXPECT_EQ(::access(mark.path().c_str(), F_OK), 0);
}

TEST_F(KubeconfigTest, APluginHasTheDefaultsOfItsVersion) {
  parts_.user =
      "exec: {command: aws, args: null, apiVersion: client.authentication.k8s.io/v1beta1}";
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->exec->interactive, ExecPlugin::Interactive::kIfAvailable);
  EXPECT_TRUE(options->exec->arguments.empty());
  EXPECT_FALSE(options->exec->cluster);
}

TEST_F(KubeconfigTest, FindsAPluginWithASlashRelativeToItself) {
  for (const auto& [command, found] :
       {std::pair{"bin/login", "/home/me/bin/login"}, std::pair{"/opt/login", "/opt/login"},
        std::pair{"login", "login"}}) {
    parts_.user = exec(std::string("command: ") + command + ", ");
    const auto options = parse();
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->exec->command, found);
  }
}

TEST_F(KubeconfigTest, PrefersATokenToAPlugin) {
  parts_.user = "token: secret\n    " + exec("command: aws, ");
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->bearer(), "secret");
  EXPECT_FALSE(options->exec);
}

TEST_F(KubeconfigTest, TakesAProxy) {
  parts_.cluster = "proxy-url: 'http://me:secret@proxy.lab:3128'";
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->proxy, (Proxy{"proxy.lab", 3128, "me", "secret"}));
}

TEST_F(KubeconfigTest, ActsAsAnotherUser) {
  parts_.user =
      "token: t\n    as: jane, the admin\n    as-uid: '42'\n    as-groups: [dev, 'ops, lab']"
      "\n    as-user-extra: {acme.com/project: [a, b], Scopes: [c]}";
  const auto options = parse();
  ASSERT_TRUE(options) << options.error().message;
  const std::vector<std::pair<std::string, std::string>> expected{
      {"Impersonate-User", "jane, the admin"},
      {"Impersonate-Uid", "42"},
      {"Impersonate-Group", "dev"},
      {"Impersonate-Group", "ops, lab"},
      {"Impersonate-Extra-acme.com%2Fproject", "a"},
      {"Impersonate-Extra-acme.com%2Fproject", "b"},
      {"Impersonate-Extra-Scopes", "c"}};
  EXPECT_EQ(options->headers, expected);
}

TEST_F(KubeconfigTest, ReadsAFile) {
  const wire::TemporaryFile file(text(parts_));
  EXPECT_TRUE(loadKubeconfig({file.path()}));
}

TEST_F(KubeconfigTest, SaysInOneSentenceWhatIsWrong) {
  struct Case {
    std::string name;
    std::function<void(Parts&)> spoil;
    std::vector<std::string> says;
  };
  const std::string key = encodeBase64(client_.key);
  const std::string v1 = "client.authentication.k8s.io/v1";
  const std::vector<Case> cases{
      {"no context", [](Parts& p) { p.current = ""; }, {"current-context", "kubectl config"}},
      {"unknown context", [](Parts& p) { p.current = "x"; }, {"contexts", "\"x\""}},
      {"unknown cluster", [](Parts& p) { p.context = "{cluster: x}"; }, {"clusters", "\"x\""}},
      {"unknown user",
       [](Parts& p) { p.context = "{cluster: east, user: x}"; },
       {"users", "\"x\""}},
      {"no server", [](Parts& p) { p.server = "\"\""; }, {"cluster \"east\"", "server"}},
      {"plain http", [](Parts& p) { p.server = "http://192.0.2.1:8080"; }, {"server", "https"}},
      {"no CA", [](Parts& p) { p.ca = ""; }, {"certificate-authority"}},
      {"CA no base64",
       [](Parts& p) { p.ca = "certificate-authority-data: '***'"; },
       {"certificate-authority-data", "base64"}},
      {"CA no certificate",
       [&](Parts& p) { p.ca = "certificate-authority-data: " + key; },
       {"certificate-authority-data", "no certificate"}},
      {"no such CA file",
       [](Parts& p) { p.ca = "certificate-authority: /nowhere/ca.crt"; },
       {"certificate-authority", "/nowhere/ca.crt"}},
      {"insecure",
       [](Parts& p) { p.cluster = "insecure-skip-tls-verify: true"; },
       {"insecure-skip-tls-verify", "refused"}},
      {"SOCKS proxy",
       [](Parts& p) { p.cluster = "proxy-url: socks5://p:1"; },
       {"cluster \"east\": proxy-url is", "\"socks5\"", "only HTTP proxies"}},
      {"proxy without a scheme", [](Parts& p) { p.cluster = "proxy-url: p:1"; }, {"proxy-url"}},
      {"exec of an old version",
       [](Parts& p) {
         p.user = "exec: {command: aws, apiVersion: client.authentication.k8s.io/v1alpha1}";
       },
       {"user \"me\": exec: apiVersion", "v1alpha1", "client.authentication.k8s.io/v1"}},
      {"exec without a command", [&](Parts& p) { p.user = exec(""); }, {"exec has no command"}},
      {"exec v1 without a mode",
       [&](Parts& p) { p.user = "exec: {command: aws, apiVersion: " + v1 + "}"; },
       {"interactiveMode", "Never, IfAvailable or Always"}},
      {"exec with an odd mode",
       [&](Parts& p) {
         p.user = "exec: {command: aws, interactiveMode: maybe, apiVersion: " + v1 + "}";
       },
       {"interactiveMode", "\"maybe\""}},
      {"exec variable without a name",
       [&](Parts& p) { p.user = exec("command: aws, env: [{value: x}], "); },
       {"exec: env", "name"}},
      {"auth provider",
       [](Parts& p) { p.user = "auth-provider: {name: gcp}"; },
       {"auth-provider", "exec"}},
      {"token on two lines", [](Parts& p) { p.user = "token: \"a\\r\\nb\""; }, {"token"}},
      {"password", [](Parts& p) { p.user = "username: me"; }, {"username"}},
      {"a group to act as, without a user",
       [](Parts& p) { p.user = "token: a\n    as-groups: [b]"; },
       {"user \"me\" has as-uid, as-groups or as-user-extra without as"}},
      {"a user to act as, on two lines",
       [](Parts& p) { p.user = "token: a\n    as: \"b\\r\\nX-Evil: c\""; },
       {"Impersonate-User", "control characters"}},
      {"key without certificate",
       [&](Parts& p) { p.user = "client-key-data: " + key; },
       {"client-certificate", "client-key"}},
      {"key no key",
       [&](Parts& p) {
         p.user = "client-certificate-data: " + encodeBase64(client_.certificate) +
                  "\n    client-key-data: " + encodeBase64("text");
       },
       {"client-key-data", "no private key"}},
      {"no such token file",
       [](Parts& p) { p.user = "tokenFile: /nowhere/token"; },
       {"tokenFile", "/nowhere/token"}},
  };
  for (const Case& each : cases) {
    Parts spoilt = parts_;
    each.spoil(spoilt);
    const auto options = parseKubeconfig(text(spoilt), "/home/me/config");
    ASSERT_FALSE(options) << each.name;
    EXPECT_EQ(options.error().code, ErrorCode::kInvalid) << each.name;
    const std::string& message = options.error().message;
    EXPECT_EQ(message.find("kubeconfig \"/home/me/config\": "), 0U) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : each.says) {
      EXPECT_NE(message.find(part), std::string::npos) << each.name << ": " << message;
    }
  }
}

TEST_F(KubeconfigTest, SaysWhereTheYamlIsBroken) {
  const auto options = parseKubeconfig("apiVersion: v1\nclusters: [\n", "c");
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().message.find("YAML at line"), std::string::npos)
      << options.error().message;
}

TEST_F(KubeconfigTest, RefusesWhatIsNoKubeconfig) {
  for (const std::string& broken :
       {std::string(), std::string("text"), std::string("- a\n- b\n"), std::string("{}"),
        std::string("current-context: [1]"), std::string("current-context: a\ncontexts: 7"),
        std::string("current-context: a\ncontexts: [1, {name: a, context: 5}]"),
        std::string("\0\xff\x01", 3), std::string(1000, '[')}) {
    const auto options = parseKubeconfig(broken, "c");
    ASSERT_FALSE(options) << broken;
    EXPECT_EQ(options.error().code, ErrorCode::kInvalid) << broken;
  }
}

TEST(LoadKubeconfig, NamesTheFileThatItCannotRead) {
  for (const std::string path : {"/nowhere/config", "/"}) {
    const auto options = loadKubeconfig({path});
    ASSERT_FALSE(options);
    EXPECT_NE(options.error().message.find("\"" + path + "\""), std::string::npos)
        << options.error().message;
  }
}

}  // namespace
}  // namespace barevip::kube
