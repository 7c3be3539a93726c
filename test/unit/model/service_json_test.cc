// SPDX-License-Identifier: Apache-2.0
#include "common/model/service_json.h"

#include <gtest/gtest.h>

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
      "metallb.universe.tf/address-pool": "f", "metallb.universe.tf/loadBalancerIPs": "g",
      "metallb.universe.tf/allow-shared-ip": "h", "metallb.universe.tf/": "no",
      "example.com/address-pool": "no"}}})"));
  ASSERT_TRUE(service);
  EXPECT_EQ(service->annotations, (StringMap{{"barevip.dev/pool", "a"},
                                             {"barevip.dev/anything", "b"},
                                             {"metallb.io/address-pool", "c"},
                                             {"metallb.io/loadBalancerIPs", "d"},
                                             {"metallb.io/allow-shared-ip", "e"},
                                             {"metallb.universe.tf/address-pool", "f"},
                                             {"metallb.universe.tf/loadBalancerIPs", "g"},
                                             {"metallb.universe.tf/allow-shared-ip", "h"}}));
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

TEST(ServiceJson, KeepsTheLabelsOfLoadBalancersOnly) {
  json object = {{"metadata", {{"namespace", "shop"}, {"name", "web"}, {"labels", {{"a", "b"}}}}},
                 {"spec", {{"type", "LoadBalancer"}}}};
  EXPECT_EQ(decodeService(object)->labels, (StringMap{{"a", "b"}}));
  for (const char* type : {"ClusterIP", "NodePort", "ExternalName", ""}) {
    object["spec"]["type"] = type;
    EXPECT_TRUE(decodeService(object)->labels.empty()) << type;
  }
}

TEST(ServiceJson, KeepsNoLabelsAndAnnotationsThatAreTooLong) {
  json object = {{"metadata",
                  {{"namespace", "shop"},
                   {"name", "web"},
                   {"labels", {{"a", "b"}}},
                   {"annotations", {{"barevip.dev/x", std::string(65'521, 'x')}}}}},
                 {"spec", {{"type", "LoadBalancer"}}}};
  EXPECT_FALSE(decodeService(object)->oversized);
  object["metadata"]["labels"]["c"] = "d";
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
