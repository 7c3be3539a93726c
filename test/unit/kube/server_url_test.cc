// SPDX-License-Identifier: Apache-2.0
#include "common/kube/server_url.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace barevip::kube {

void PrintTo(const ServerUrl& url, std::ostream* out) {
  *out << url.host << " " << url.port << " " << url.path;
}

namespace {

TEST(ServerUrl, ReadsHostPortAndPrefix) {
  struct Case {
    std::string text;
    ServerUrl url;
  };
  for (const Case& each : {Case{"https://10.0.0.1:6443", {"10.0.0.1", 6443, ""}},
                           {"https://api.example.com", {"api.example.com", 443, ""}},
                           {"https://api.example.com/", {"api.example.com", 443, ""}},
                           {"https://[2001:db8::1]:6443", {"2001:db8::1", 6443, ""}},
                           {"https://[::1]", {"::1", 443, ""}},
                           {"https://rancher.example.com/k8s/clusters/c-1/",
                            {"rancher.example.com", 443, "/k8s/clusters/c-1"}}}) {
    const auto url = parseServerUrl(each.text);
    ASSERT_TRUE(url) << each.text;
    EXPECT_EQ(*url, each.url) << each.text;
  }
}

TEST(ServerUrl, RefusesOthersAndShowsTheForm) {
  for (const std::string text :
       {"", "10.0.0.1:6443", "http://10.0.0.1:8080", "https://", "https://:443", "https://[::1",
        "https://[10.0.0.1]:443", "https://[x]:1", "https://2001:db8::1", "https://a:b",
        "https://a:0", "https://a:65536", "https://a:", "https://us er@a", "https://[::1]x",
        "https://[::1]x443"}) {
    const auto url = parseServerUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_NE(url.error().message.find("https://host:port"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace barevip::kube
