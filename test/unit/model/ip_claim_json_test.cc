// SPDX-License-Identifier: Apache-2.0
#include "common/model/ip_claim_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

IpClaim claimForWeb() {
  IpClaim claim;
  claim.key = {"default", "web-192.0.2.1"};
  claim.labels = {{"barevip.dev/service", "web"}};
  claim.serviceOwner = OwnerReference{"v1", "Service", "web", "u1"};
  claim.spec = {"edge", "192.0.2.1", "IPv4", "k"};
  return claim;
}

TEST(IpClaimJson, WhatIsCreatedComesBackAsItWas) {
  const json body = encodeIpClaim(claimForWeb());
  EXPECT_EQ(body["apiVersion"], "barevip.dev/v1alpha1");
  EXPECT_EQ(body["kind"], "IP");
  EXPECT_EQ(body["metadata"]["ownerReferences"][0]["controller"], true);
  EXPECT_EQ(*decodeIpClaim(body), claimForWeb());
}

TEST(IpClaimJson, OtherOwnersAreNotServices) {
  json body = encodeIpClaim(claimForWeb());
  body["metadata"]["ownerReferences"][0]["kind"] = "Gateway";
  EXPECT_FALSE(decodeIpClaim(body)->serviceOwner);
}

TEST(IpClaimJson, NeedsANameAndANamespace) {
  EXPECT_FALSE(decodeIpClaim(json{{"metadata", {{"name", "a"}}}}));
  EXPECT_FALSE(decodeIpClaim(json("text")));
}

TEST(IpClaimStatusPatch, RemovesWhatIsEmptyAndLeavesTheNodeAlone) {
  IpClaim::Status status;
  status.phase = "Pending";
  status.node = "node-1";
  const json patch = ipClaimStatusPatch(status, "9", WallTime{});
  EXPECT_EQ(patch["status"]["phase"], "Pending");
  EXPECT_TRUE(patch["status"]["address"].is_null());
  EXPECT_TRUE(patch["status"]["ports"].is_null());
  EXPECT_FALSE(patch["status"].contains("node"));
}

TEST(ShareKeyPatch, SetsOrRemovesTheKeyOnly) {
  EXPECT_EQ(shareKeyPatch("k", "9"),
            (json{{"metadata", {{"resourceVersion", "9"}}}, {"spec", {{"shareKey", "k"}}}}));
  EXPECT_TRUE(shareKeyPatch("", "9")["spec"]["shareKey"].is_null());
}

TEST(IpClaim, NamesTheServicesThatUseItInOneText) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{}, {"web"}, {"web", "tls", "dns"}}) {
    IpClaim claim;
    claim.status.service = joinServiceNames(names);
    EXPECT_EQ(serviceNames(claim), names);
  }
}

TEST(IpClaim, ReadsNamesHoweverTheyAreSeparated) {
  IpClaim claim;
  claim.status.service = "a,b , c";
  EXPECT_EQ(serviceNames(claim), (std::vector<std::string>{"a", "b", "c"}));
  for (const char* none : {"", " ", ", ,"}) {
    claim.status.service = none;
    EXPECT_TRUE(serviceNames(claim).empty()) << none;
  }
}

}  // namespace
}  // namespace barevip::model
