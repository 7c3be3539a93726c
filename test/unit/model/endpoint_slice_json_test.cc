// SPDX-License-Identifier: Apache-2.0
#include "common/model/endpoint_slice_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

EndpointSlice decoded(const std::string& rest) {
  const auto slice = decodeEndpointSlice(json::parse(
      R"({"metadata": {"namespace": "shop", "name": "web-x",
          "labels": {"kubernetes.io/service-name": "web"}}, )" +
      rest + "}"));
  EXPECT_TRUE(slice) << rest;
  return slice.value_or(EndpointSlice{});
}

TEST(EndpointSliceJson, DecodesWhatAnApiServerSends) {
  const EndpointSlice slice = decoded(R"("addressType": "IPv4",
      "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
      "endpoints": [
        {"addresses": ["10.244.1.2"], "nodeName": "node-1",
         "conditions": {"ready": true, "serving": true, "terminating": false}},
        {"addresses": ["10.244.2.2"], "nodeName": "node-2",
         "conditions": {"ready": false, "serving": true, "terminating": true}}])");
  EndpointSlice want;
  want.key = {"shop", "web-x"};
  want.serviceName = "web";
  want.ports = {{"http", Protocol::kTcp, 8080}};
  want.endpoints = {{{*IpAddress::parse("10.244.1.2")}, "node-1", true, true, false},
                    {{*IpAddress::parse("10.244.2.2")}, "node-2", false, true, true}};
  EXPECT_EQ(slice, want);
}

TEST(EndpointSliceJson, SaysWhetherTheControlPlaneKeepsIt) {
  const auto managedBy = [](const std::string& who) {
    return decodeEndpointSlice({{"metadata",
                                 {{"namespace", "shop"},
                                  {"name", "web-x"},
                                  {"labels", {{"endpointslice.kubernetes.io/managed-by", who}}}}},
                                {"addressType", "IPv4"}})
        ->byController;
  };
  EXPECT_TRUE(managedBy("endpointslice-controller.k8s.io"));
  // Its source is an Endpoints object that somebody wrote.
  EXPECT_FALSE(managedBy("endpointslicemirroring-controller.k8s.io"));
  EXPECT_FALSE(decoded(R"("addressType": "IPv4")").byController);
  // Kept by a finalizer, it may be edited, and the control plane leaves it alone.
  const auto going = decodeEndpointSlice(
      {{"metadata",
        {{"namespace", "shop"},
         {"name", "web-x"},
         {"deletionTimestamp", "2030-01-01T00:00:00Z"},
         {"labels",
          {{"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"}}}}},
       {"addressType", "IPv4"}});
  EXPECT_FALSE(going->byController);
}

TEST(EndpointSliceJson, FillsInConditionsAsTheApiDefinesThem) {
  struct Case {
    std::string conditions;
    bool ready, serving, terminating;
  };
  for (const Case& each : {Case{"{}", true, true, false},
                           {"null", true, true, false},
                           {R"({"ready": null})", true, true, false},
                           {R"({"ready": false})", false, false, false},
                           {R"({"ready": false, "serving": true})", false, true, false},
                           {R"({"terminating": true})", true, true, true}}) {
    const EndpointSlice slice = decoded(
        R"("addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "conditions": )" +
        each.conditions + "}]");
    ASSERT_EQ(slice.endpoints.size(), 1U);
    EXPECT_EQ(slice.endpoints[0].ready, each.ready) << each.conditions;
    EXPECT_EQ(slice.endpoints[0].serving, each.serving) << each.conditions;
    EXPECT_EQ(slice.endpoints[0].terminating, each.terminating) << each.conditions;
  }
}

TEST(EndpointSliceJson, LeavesOutWhatItCannotUse) {
  EXPECT_TRUE(decoded(R"("addressType": "FQDN", "endpoints": [{"addresses": ["a.example"]}])")
                  .endpoints.empty());
  EXPECT_TRUE(
      decoded(R"("addressType": "IPv4", "endpoints": [{"addresses": ["fd00::1", "x"]}, 3, null])")
          .endpoints.empty());
  EXPECT_TRUE(decoded(R"("ports": [{"name": "any", "port": null}, {"port": 1, "protocol": "X"}])")
                  .ports.empty());
  EXPECT_TRUE(decoded(R"("ports": null, "endpoints": null)").ports.empty());
}

}  // namespace
}  // namespace barevip::model
