// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace barevip::kube {
namespace {

// A good kubeconfig; `from` replaced by `to` makes a broken one.
std::string with(const std::string& from = "", const std::string& to = "") {
  std::string text = R"(
apiVersion: v1
kind: Config
current-context: lab
contexts:
- name: lab
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority-data: Y2E=
    tls-server-name: kubernetes
users:
- name: u
  user:
    client-certificate-data: Y2VydA==
    client-key-data: a2V5
    token: secret
)";
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(Kubeconfig, CurrentContextGivesServerAuthorityAndIdentity) {
  const auto access = parseKubeconfig(with(), "/some/config");
  ASSERT_TRUE(access) << access.error().message;
  EXPECT_EQ(access->host, "10.0.0.1");
  EXPECT_EQ(access->port, 6443);
  EXPECT_EQ(access->serverName, "kubernetes");
  EXPECT_EQ(*access->authority.read(), "ca");
  EXPECT_EQ(*access->certificate.read(), "cert");
  EXPECT_EQ(*access->key.read(), "key");
  EXPECT_EQ(*access->token.read(), "secret");
}

TEST(Kubeconfig, WhatIsBrokenIsNamedInOneSentence) {
  struct Case {
    std::string from, to, says;
  };
  for (const Case& c : std::vector<Case>{
           {"current-context: lab", "x: y", "has no current-context"},
           {"current-context: lab", "current-context: other",
            "\"other\" is not among its contexts"},
           {"- name: c\n", "- name: d\n", "the cluster \"c\" of its context is not among"},
           {"- name: u\n", "- name: d\n", "the user \"u\" of its context is not among"},
           {"https://10.0.0.1:6443", "http://10.0.0.1", "is not https"},
           {"https://10.0.0.1:6443", "https://", "has no host"},
           {"https://10.0.0.1:6443", "https://10.0.0.1:x", "has no valid port"},
           {"https://10.0.0.1:6443", "https://10.0.0.1:0", "has no valid port"},
           {"https://10.0.0.1:6443", "https://a/b", "has more than host and port"},
           {"certificate-authority-data: Y2E=", "certificate-authority-data: '%'", "is not base64"},
           {"certificate-authority-data: Y2E=", "certificate-authority: gone.crt",
            "gone.crt, which is no file"},
           {"certificate-authority-data: Y2E=", "x: y", "has no certificate-authority"},
           {"tls-server-name: kubernetes", "insecure-skip-tls-verify: true",
            "insecure-skip-tls-verify"},
           {"tls-server-name: kubernetes", "proxy-url: http://proxy", "proxy-url"},
           {"client-key-data: a2V5", "x: y", "must be given together"},
           {"token: secret", "exec: {command: aws}", "exec plugins are not supported"},
           {"token: secret", "tokenFile: gone", "gone, which is no file"},
           {"contexts:", "contexts: [", "is no valid YAML"}}) {
    const auto access = parseKubeconfig(with(c.from, c.to), "/some/config");
    ASSERT_FALSE(access) << c.says;
    EXPECT_NE(access.error().message.find(c.says), std::string::npos) << access.error().message;
    EXPECT_NE(access.error().message.find("/some/config"), std::string::npos);
  }
  for (const std::string text : {"", "just text", "[1, 2]", "{a: {b"}) {
    EXPECT_FALSE(parseKubeconfig(text, "/some/config")) << text;
  }
}

TEST(Kubeconfig, AMissingFileIsNamed) {
  const auto access = loadKubeconfig("/nowhere/config");
  ASSERT_FALSE(access);
  EXPECT_NE(access.error().message.find("/nowhere/config"), std::string::npos);
  EXPECT_NE(access.error().message.find("--kubeconfig"), std::string::npos);
}

TEST(Server, Ipv6LiteralsAndDefaultPortAreRead) {
  ClusterAccess access;
  ASSERT_TRUE(parseServer("https://[2001:db8::1]:6443", access));
  EXPECT_EQ(access.host, "2001:db8::1");
  EXPECT_EQ(access.port, 6443);
  ClusterAccess plain;
  ASSERT_TRUE(parseServer("https://api.example/", plain));
  EXPECT_EQ(plain.host, "api.example");
  EXPECT_EQ(plain.port, 443);
}

}  // namespace
}  // namespace barevip::kube
