// SPDX-License-Identifier: Apache-2.0
#include "common/model/service_json.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

// The least that is a Service, with a spec put in.
Service decoded(const std::string& spec) {
  const auto service = decodeService(
      json::parse(R"({"metadata": {"namespace": "shop", "name": "web"}, "spec": )" + spec + "}"));
  EXPECT_TRUE(service) << spec;
  return service.value_or(Service{});
}

TEST(ServiceJson, ForwardingIsByTheAnnotationElseByDefault) {
  struct Case {
    const char* annotation;  // null: none
    ForwardMode byDefault;
    ForwardMode mode;
  };
  using Mode = ForwardMode;
  for (const Case& each : {Case{nullptr, Mode::kMasquerade, Mode::kMasquerade},
                           {nullptr, Mode::kKubeProxy, Mode::kKubeProxy},
                           {"", Mode::kClusterIp, Mode::kClusterIp},
                           {"masquerade", Mode::kKubeProxy, Mode::kMasquerade},
                           {"cluster-ip", Mode::kMasquerade, Mode::kClusterIp},
                           {"kube-proxy", Mode::kMasquerade, Mode::kKubeProxy},
                           {"Kube-Proxy", Mode::kKubeProxy, Mode::kUnknown},
                           {"unknown", Mode::kMasquerade, Mode::kUnknown}}) {
    json web = {{"metadata", {{"namespace", "shop"}, {"name", "web"}}},
                {"spec", {{"type", "LoadBalancer"}}}};
    if (each.annotation != nullptr) {
      web["metadata"]["annotations"]["barevip.dev/forward"] = each.annotation;
    }
    for (const std::size_t size : {std::size_t{0}, kMaxServiceBytes}) {
      web["metadata"]["annotations"]["barevip.dev/pool"] = std::string(size, 'a');
      ServiceParts parts = kPartsOfNode;
      parts.forward = each.byDefault;
      TextBudget budget;
      const Service service = *decodeServiceParts(web, parts, budget);
      EXPECT_EQ(service.forward, each.mode) << web.dump().substr(0, 200);
      EXPECT_EQ(service.oversized, size != 0) << "its wish counts all the same";
    }
  }
}

TEST(ServiceJson, DecodesWhatAnApiServerSends) {
  const auto service = decodeService(json::parse(R"({
    "apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7",
      "labels": {"app": "web"},
      "annotations": {"barevip.dev/pool": "lan", "kubectl.kubernetes.io/x": "long"},
      "managedFields": [{"manager": "kubectl"}]},
    "spec": {"type": "LoadBalancer", "loadBalancerClass": "barevip.dev/barevip",
      "loadBalancerIP": "192.0.2.9", "clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5", "fd00::5"],
      "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack",
      "selector": {"app": "web"}, "externalTrafficPolicy": "Local", "sessionAffinity": "ClientIP",
      "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
      "loadBalancerSourceRanges": ["198.51.100.0/24"],
      "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP"},
                {"name": "dns", "port": 53, "protocol": "UDP"}]},
    "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.9", "ipMode": "Proxy"}]},
      "conditions": [{"type": "barevip.dev/Addressed", "status": "True"}]}})"));
  ASSERT_TRUE(service);
  Service want;
  want.selects = true;
  want.key = {"shop", "web"};
  want.uid = "u1";
  want.resourceVersion = "7";
  want.labels = {{"app", "web"}};
  want.annotations = {{"barevip.dev/pool", "lan"}};
  want.type = "LoadBalancer";
  want.loadBalancerClass = "barevip.dev/barevip";
  want.loadBalancerIp = "192.0.2.9";
  want.ipFamilies = {Family::kIpv4, Family::kIpv6};
  want.ipFamilyPolicy = IpFamilyPolicy::kRequireDualStack;
  want.clusterIps = {*IpAddress::parse("10.96.0.5"), *IpAddress::parse("fd00::5")};
  want.ports = {{"http", Protocol::kTcp, 80, 30080}, {"dns", Protocol::kUdp, 53, 0}};
  want.selector = {{"app", "web"}};
  want.externalTrafficPolicy = TrafficPolicy::kLocal;
  want.affinitySeconds = 60;
  want.sourceRanges = {"198.51.100.0/24"};
  want.ingress = {{"192.0.2.9", "", "Proxy"}};
  want.conditions = {{"barevip.dev/Addressed", "True", "", ""}};
  EXPECT_EQ(*service, want);
}

TEST(ServiceJson, KeepsTheAnnotationsThatSomebodyReads) {
  const auto service = decodeService(json::parse(R"({
    "metadata": {"name": "web", "namespace": "shop", "annotations": {
      "barevip.dev/pool": "a", "barevip.dev/anything": "b",
      "metallb.io/address-pool": "c", "metallb.io/loadBalancerIPs": "d",
      "metallb.io/allow-shared-ip": "e", "metallb.io/ip-allocated-from-pool": "no",
      "kube-vip.io/loadbalancerIPs": "i", "kube-vip.io/vipHost": "no",
      "lbipam.cilium.io/ips": "j", "io.cilium/lb-ipam-ips": "k",
      "lbipam.cilium.io/sharing-key": "l", "io.cilium/lb-ipam-sharing-key": "m",
      "lbipam.cilium.io/sharing-cross-namespace": "no",
      "metallb.universe.tf/address-pool": "f", "metallb.universe.tf/loadBalancerIPs": "g",
      "metallb.universe.tf/allow-shared-ip": "h", "metallb.universe.tf/": "no",
      "example.com/address-pool": "no"}}})"));
  ASSERT_TRUE(service);
  EXPECT_EQ(service->annotations, (StringMap{{"barevip.dev/pool", "a"},
                                             {"barevip.dev/anything", "b"},
                                             {"io.cilium/lb-ipam-ips", "k"},
                                             {"io.cilium/lb-ipam-sharing-key", "m"},
                                             {"kube-vip.io/loadbalancerIPs", "i"},
                                             {"lbipam.cilium.io/ips", "j"},
                                             {"lbipam.cilium.io/sharing-key", "l"},
                                             {"metallb.io/address-pool", "c"},
                                             {"metallb.io/loadBalancerIPs", "d"},
                                             {"metallb.io/allow-shared-ip", "e"},
                                             {"metallb.universe.tf/address-pool", "f"},
                                             {"metallb.universe.tf/loadBalancerIPs", "g"},
                                             {"metallb.universe.tf/allow-shared-ip", "h"}}));
}

TEST(ServiceJson, OfEveryTypeSaysWhetherItSelectsPods) {
  const auto selects = [](const std::string& type, const std::string& selector) {
    TextBudget texts;
    return decodeServiceParts(
               json::parse(
                   R"({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"type": ")" +
                   type + R"(", "selector": )" + selector + "}}"),
               kPartsOfNode, texts)
        ->selects;
  };
  EXPECT_TRUE(selects("LoadBalancer", R"({"app": "web"})"));
  EXPECT_TRUE(selects("ClusterIP", R"({"app": "web"})"));
  EXPECT_FALSE(selects("ExternalName", R"({"app": "web"})"));
  EXPECT_FALSE(selects("LoadBalancer", "{}"));
  EXPECT_FALSE(selects("LoadBalancer", "null"));
}

TEST(ServiceJson, FillsInTheDefaultsOfTheApi) {
  const Service service = decoded(R"({"type": "LoadBalancer", "ports": [{"port": 80}],
                                      "sessionAffinity": "None"})");
  EXPECT_EQ(service.ports, (std::vector<ServicePort>{{"", Protocol::kTcp, 80, 0}}));
  EXPECT_EQ(service.externalTrafficPolicy, TrafficPolicy::kCluster);
  EXPECT_EQ(service.ipFamilyPolicy, IpFamilyPolicy::kSingleStack);
  EXPECT_EQ(service.affinitySeconds, 0U);
  EXPECT_EQ(decoded(R"({"sessionAffinity": "ClientIP"})").affinitySeconds, 10800U);
}

TEST(ServiceJson, ProgramsKeepOfOtherTypesTheirAddressesOnly) {
  json object = {{"metadata", {{"namespace", "shop"}, {"name", "web"}, {"labels", {{"a", "b"}}}}},
                 {"spec", {{"type", "LoadBalancer"}}}};
  object["spec"]["ports"] = {{{"port", 80}}};
  object["spec"]["selector"] = {{"app", "web"}};
  object["spec"]["externalTrafficPolicy"] = "Local";
  object["spec"]["externalIPs"] = {"192.0.2.1"};
  TextBudget budget;
  const Service web = *decodeServiceParts(object, kPartsOfOperator, budget);
  EXPECT_EQ(web.labels, (StringMap{{"a", "b"}}));
  EXPECT_EQ(web.selector, (StringMap{{"app", "web"}}));
  EXPECT_TRUE(decodeServiceParts(object, kPartsOfNode, budget)->labels.empty());
  EXPECT_TRUE(decodeServiceParts(object, kPartsOfNode, budget)->selector.empty());
  for (const char* type : {"ClusterIP", "NodePort", "ExternalName", ""}) {
    object["spec"]["type"] = type;
    for (const ServiceParts& parts : {kPartsOfOperator, kPartsOfNode}) {
      const Service other = *decodeServiceParts(object, parts, budget);
      EXPECT_TRUE(other.labels.empty() && other.selector.empty() && other.ports.empty()) << type;
      EXPECT_EQ(other.externalIps.size(), 1U) << type;
    }
  }
}

TEST(ServiceJson, ReadsExternalIpsInEachSpellingThatKubernetesAccepts) {
  const auto ranges =
      decoded(R"({"externalIPs": ["192.0.2.010", "::ffff:192.0.2.20"]})").externalIps;
  EXPECT_EQ(ranges,
            (std::vector<IpRange>{*IpRange::parse("192.0.2.10"), *IpRange::parse("192.0.2.20")}));
}

TEST(ServiceJson, OfExternalIpsWithoutNumberNoneIsOverlooked) {
  json object = {{"metadata", {{"namespace", "evil"}, {"name", "thief"}}},
                 {"spec", json::object()}};
  for (int i = 0; i < 20'000; ++i) {
    object["spec"]["externalIPs"].push_back("192.0." + std::to_string(i / 256 * 3 % 256) + "." +
                                            std::to_string(i % 256));
  }
  object["spec"]["externalIPs"].push_back("198.51.100.7");
  object["spec"]["externalIPs"].push_back("2001:db8::7");
  const Service thief = *decodeService(object);
  EXPECT_LE(thief.externalIps.size(), 4096U);
  for (const json& each : object["spec"]["externalIPs"]) {
    const IpAddress address = *IpAddress::parse(each.get<std::string>());
    EXPECT_TRUE(std::any_of(thief.externalIps.begin(), thief.externalIps.end(),
                            [&](const IpRange& range) { return range.contains(address); }))
        << address.toString();
  }
}

// Nobody limits these in number: 140,000 of ten bytes each fit into one object.
json largeObject(int number, const char* where) {
  json map = json::object();
  for (int i = 0; i < 140'000; ++i) map["k" + std::to_string(i)] = "";
  json object = {{"metadata", {{"namespace", "evil"}, {"name", "s" + std::to_string(number)}}},
                 {"spec", {{"type", "LoadBalancer"}, {"externalTrafficPolicy", "Local"}}}};
  object[json::json_pointer(where)] = std::move(map);
  return object;
}

TEST(ServiceJson, SevenServicesOfOneTenantTakeNoMemoryOfOthers) {
  for (const char* where : {"/spec/selector", "/metadata/labels"}) {
    for (const char* type : {"ClusterIP", "LoadBalancer"}) {
      for (const ServiceParts& parts : {kPartsOfOperator, kPartsOfNode}) {
        TextBudget budget;
        std::vector<Service> kept;
        const json object = largeObject(0, where);
        const std::size_t before = mallinfo2().uordblks;
        for (int i = 0; i < 7; ++i) {
          json one = object;
          one["spec"]["type"] = type;
          one["metadata"]["name"] = "s" + std::to_string(i);
          kept.push_back(*decodeServiceParts(one, parts, budget));
        }
        EXPECT_LT(mallinfo2().uordblks, before + (1U << 20U)) << where << " of " << type;
        EXPECT_EQ(budget.used(), 0U);
      }
    }
  }
}

TEST(ServiceJson, WhatIsTooLargeIsClosedAndNotOpenToAll) {
  json object = largeObject(0, "/metadata/annotations");
  object["spec"]["loadBalancerSourceRanges"] = json::array();
  for (int i = 0; i < 10'000; ++i) {
    object["spec"]["loadBalancerSourceRanges"].push_back("192.0.2.0/24");
    object["spec"]["ports"].push_back({{"port", 1 + i}});
  }
  TextBudget budget;
  const Service service = *decodeServiceParts(object, kPartsOfNode, budget);
  EXPECT_TRUE(service.oversized);
  EXPECT_EQ(service.sourceRanges.size(), 1U);
  EXPECT_FALSE(IpRange::parse(service.sourceRanges[0]));
  EXPECT_EQ(service.ports.size(), 1025U);
}

TEST(TextBudget, WhoUsesItUpIsRefusedAndOthersNoticeNothing) {
  TextBudget budget({.freeOfEach = 10, .ofNamespace = 100, .ofAll = 150});
  EXPECT_TRUE(budget.take({"evil", "a"}, 100));
  EXPECT_FALSE(budget.take({"evil", "b"}, 30)) << "its namespace has 90 of 100";
  EXPECT_TRUE(budget.take({"shop", "a"}, 10)) << "of ordinary size";
  EXPECT_TRUE(budget.take({"large", "a"}, 60));
  EXPECT_FALSE(budget.take({"late", "a"}, 30)) << "140 of 150 are taken";
  budget.release({"evil", "a"});
  EXPECT_TRUE(budget.take({"late", "a"}, 30));
  EXPECT_TRUE(budget.take({"late", "a"}, 40)) << "an object that changes is counted once";
  EXPECT_EQ(budget.used(), 80U);
}

TEST(ServiceJson, KeepsNoLabelsAndAnnotationsThatAreTooLong) {
  json object = {{"metadata",
                  {{"namespace", "shop"},
                   {"name", "web"},
                   {"labels", {{"a", "b"}}},
                   {"annotations", {{"barevip.dev/x", std::string(261'800, 'x')}}}}},
                 {"spec", {{"type", "LoadBalancer"}}}};
  EXPECT_FALSE(decodeService(object)->oversized);
  for (const char* label : {"c", "d", "e"}) object["metadata"]["labels"][label] = "";
  const Service service = *decodeService(object);
  EXPECT_TRUE(service.oversized);
  EXPECT_TRUE(service.labels.empty());
  EXPECT_TRUE(service.annotations.empty());
  EXPECT_TRUE(service.isLoadBalancer()) << "what else it says is kept";
}

TEST(ServiceJson, GivesAHeadlessServiceNoAddress) {
  EXPECT_TRUE(decoded(R"({"clusterIP": "None", "clusterIPs": ["None"]})").clusterIps.empty());
  EXPECT_TRUE(decoded(R"({"clusterIP": ""})").clusterIps.empty());
}

TEST(ServiceJson, LeavesOutPortsThatItCannotServe) {
  const Service service = decoded(R"({"ports": [{"port": 0}, {"port": 65536}, {"port": "80"}, 7,
      {"port": 81, "protocol": "QUIC"}, {"port": 82, "protocol": "SCTP"}]})");
  EXPECT_EQ(service.ports, (std::vector<ServicePort>{{"", Protocol::kSctp, 82, 0}}));
}

TEST(ServiceJson, SurvivesWrongTypesEverywhere) {
  for (const char* spec :
       {"null", "[]", "7", R"("text")", R"({"ports": {}, "clusterIPs": 1, "ipFamilies": ["IPv5"]})",
        R"({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": []}})"}) {
    EXPECT_TRUE(decoded(spec).ports.empty()) << spec;
  }
}

TEST(ServiceJson, WithoutNameIsAnError) {
  const auto service = decodeService(json::parse(R"({"metadata": {"namespace": "shop"}})"));
  ASSERT_FALSE(service);
  EXPECT_NE(service.error().message.find("Service"), std::string::npos);
}

}  // namespace
}  // namespace barevip::model
