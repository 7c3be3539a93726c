// SPDX-License-Identifier: Apache-2.0
#include "common/kube/proxy.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace barevip::kube {
namespace {

using Environment = std::map<std::string, std::string>;

Result<std::optional<Proxy>> find(const Environment& environment, const std::string& host,
                                  std::uint16_t port = 6443) {
  return proxyFromEnvironment(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto it = environment.find(name);
        if (it == environment.end()) return std::nullopt;
        return it->second;
      },
      host, port);
}

TEST(ProxyUrl, GivesHostPortAndCredentials) {
  const std::vector<std::pair<std::string, Proxy>> cases{
      {"http://proxy.lab:3128", {"proxy.lab", 3128, "", ""}},
      {"HTTP://proxy.lab/", {"proxy.lab", 80, "", ""}},
      {"http://[2001:db8::1]:8080", {"2001:db8::1", 8080, "", ""}},
      {"http://me@proxy.lab:1", {"proxy.lab", 1, "me", ""}},
      {"http://me:p%40ss%3aword@proxy.lab:1", {"proxy.lab", 1, "me", "p@ss:word"}},
  };
  for (const auto& [url, expected] : cases) {
    const auto proxy = parseProxyUrl(url);
    ASSERT_TRUE(proxy) << url << ": " << proxy.error().message;
    EXPECT_EQ(*proxy, expected) << url;
  }
}

TEST(ProxyUrl, SaysWhatIsWrongWithoutThePassword) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "is not a URL"},
      {"proxy.lab:3128", "is not a URL"},
      {"https://me:secret@proxy.lab", "\"https\""},
      {"socks5://proxy.lab:1080", "\"socks5\""},
      {"http://", "no valid host"},
      {"http://me:secret@", "no valid host"},
      {"http://proxy.lab:0", "no valid port"},
      {"http://proxy.lab:http", "no valid port"},
      {"http://[::1:80", "closing bracket"},
      {"http://me:secret%2@proxy.lab", "percent sign"},
      {"http://me:secret%@proxy.lab", "percent sign"},
      {"http://me:secret%zz@proxy.lab", "percent sign"},
      {"http://:secret@proxy.lab", "no user"},
  };
  for (const auto& [url, says] : cases) {
    const auto proxy = parseProxyUrl(url);
    ASSERT_FALSE(proxy) << url;
    EXPECT_NE(proxy.error().message.find(says), std::string::npos) << proxy.error().message;
    EXPECT_NE(proxy.error().message.find("http://host:port"), std::string::npos);
    EXPECT_EQ(proxy.error().message.find("secret"), std::string::npos) << proxy.error().message;
  }
}

TEST(ProxyEnvironment, TakesTheVariableForHttps) {
  EXPECT_EQ(*find({}, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(*find({{"HTTP_PROXY", "http://p"}, {"ALL_PROXY", "http://p"}}, "192.0.2.1"),
            std::nullopt);
  EXPECT_EQ(find({{"HTTPS_PROXY", "http://a:1"}, {"https_proxy", "http://b:1"}}, "192.0.2.1")
                ->value()
                .host,
            "a");
  EXPECT_EQ(find({{"https_proxy", "http://b:1"}}, "192.0.2.1")->value().host, "b");
  EXPECT_EQ(find({{"https_proxy", "me:secret@b:1"}}, "192.0.2.1")->value().host, "b")
      << "the scheme may be left out";
}

TEST(ProxyEnvironment, NamesTheVariableThatIsWrong) {
  const auto proxy = find({{"https_proxy", "socks5://p:1080"}}, "192.0.2.1");
  ASSERT_FALSE(proxy);
  EXPECT_EQ(proxy.error().message.find("HTTPS_PROXY "), 0U) << proxy.error().message;
}

TEST(ProxyEnvironment, NeverStandsBeforeTheLoopback) {
  for (const std::string host : {"localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"}) {
    EXPECT_EQ(*find({{"HTTPS_PROXY", "http://p"}}, host), std::nullopt) << host;
  }
}

TEST(ProxyEnvironment, LeavesOutWhatNoProxyNames) {
  struct Case {
    std::string noProxy;
    std::string host;
    bool direct;
  };
  const std::vector<Case> cases{
      {"*", "api.lab", true},
      {"other, *", "192.0.2.1", true},
      {"api.lab", "api.lab", true},
      {"API.lab", "Api.Lab", true},
      {"lab", "api.lab", true},
      {"lab", "apilab", false},
      {".lab", "api.lab", true},
      {".api.lab", "api.lab", false},
      {"*.lab", "api.lab", true},
      {"*.lab", "lab", false},
      {"api.lab:6443", "api.lab", true},
      {"api.lab:443", "api.lab", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1:6443", "192.0.2.1", true},
      {"192.0.2.1:443", "192.0.2.1", false},
      {"192.0.2.2", "192.0.2.1", false},
      {"2.1", "192.0.2.1", false},
      {"192.0.2.0/24", "192.0.2.1", true},
      {"192.0.2.7/24", "192.0.2.1", true},
      {"192.0.3.0/24", "192.0.2.1", false},
      {"192.0.2.0/24", "api.lab", false},
      {"192.0.2.0/x", "192.0.2.1", false},
      {"2001:db8::/32", "2001:db8::1", true},
      {"2001:db8::1", "2001:db8::1", true},
      {"2001:DB8:0::1", "2001:db8::1", true},
      {"[2001:db8::1]:6443", "2001:db8::1", true},
      {"[2001:db8::1]:443", "2001:db8::1", false},
      {" , ,x , api.lab ,", "api.lab", true},
      {"", "api.lab", false},
      {":6443", "api.lab", false},
      {",", "api.lab", false},
  };
  for (const Case& each : cases) {
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
      const auto proxy = find({{"HTTPS_PROXY", "http://p"}, {name, each.noProxy}}, each.host);
      ASSERT_TRUE(proxy) << proxy.error().message;
      EXPECT_EQ(!proxy->has_value(), each.direct) << each.noProxy << " for " << each.host;
    }
  }
}

}  // namespace
}  // namespace barevip::kube
