// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/service.h"

#include <gtest/gtest.h>

#include <string>

namespace barevip::model {
namespace {

Service make(const std::string& type, const std::string& loadBalancerClass) {
  Service service;
  service.type = type;
  service.loadBalancerClass = loadBalancerClass;
  return service;
}

TEST(Ownership, IsByTypeAndClass) {
  struct Case {
    std::string type;
    std::string loadBalancerClass;
    bool requireClass;
    bool ours;
  };
  for (const Case& each : {Case{"LoadBalancer", "", false, true},
                           {"LoadBalancer", "", true, false},
                           {"LoadBalancer", "barevip.dev/barevip", false, true},
                           {"LoadBalancer", "barevip.dev/barevip", true, true},
                           {"LoadBalancer", "example.com/other", false, false},
                           {"ClusterIP", "", false, false},
                           {"NodePort", "", false, false},
                           {"ClusterIP", "barevip.dev/barevip", false, false}}) {
    ClassRules rules;
    rules.required = each.requireClass;
    EXPECT_EQ(rules.serve(make(each.type, each.loadBalancerClass)), each.ours)
        << each.type << " " << each.loadBalancerClass << " " << each.requireClass;
  }
}

TEST(Ownership, AnyClassesCanBeServed) {
  const ClassRules rules{true, {"io.cilium/l2-announcer", "metallb"}};
  EXPECT_TRUE(rules.serve(make("LoadBalancer", "metallb")));
  EXPECT_TRUE(rules.serve(make("LoadBalancer", "io.cilium/l2-announcer")));
  EXPECT_FALSE(rules.serve(make("LoadBalancer", "barevip.dev/barevip")));
  EXPECT_FALSE(rules.serve(make("LoadBalancer", "")));
}

TEST(Protocol, PrintsAsKubernetesSpellsIt) {
  EXPECT_EQ(toString(Protocol::kTcp), "TCP");
  EXPECT_EQ(toString(Protocol::kUdp), "UDP");
  EXPECT_EQ(toString(Protocol::kSctp), "SCTP");
}

}  // namespace
}  // namespace barevip::model
