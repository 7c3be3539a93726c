// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/namespaces.h"

#include <gtest/gtest.h>

#include <utility>

#include <nlohmann/json.hpp>

#include "fakes/fake_api.h"

namespace barevip::assigner {
namespace {

class NamespacesTest : public testing::Test {
 protected:
  /// In the store, whose watch did not say yet how far it got.
  void see(const std::string& version, model::StringMap labels) {
    model::Namespace ns;
    ns.key = {"", "red"};
    ns.resourceVersion = version;
    ns.labels = std::move(labels);
    store_.put(std::move(ns));
  }
  void serverHas(const std::string& version, const nlohmann::json& labels) {
    api_.put(kube::kNamespaces,
             {{"metadata", {{"name", "red"}, {"resourceVersion", version}, {"labels", labels}}}});
  }
  model::StringMap labelsAsOf(const std::string& version) {
    const auto ns = namespaces_.asOf("red", version, {});
    return ns && *ns ? (*ns)->labels : model::StringMap{};
  }

  kube::FakeApi api_;
  kube::Store<model::Namespace> store_;
  Namespaces namespaces_{api_, store_};
};

TEST_F(NamespacesTest, WhileItsWatchIsBehindANamespaceIsAskedFor) {
  store_.setVersion("3");
  see("3", {});
  serverHas("5", {{"tier", "edge"}});
  EXPECT_EQ(labelsAsOf("3"), model::StringMap{}) << "the store is as new as that";
  EXPECT_EQ(labelsAsOf("6"), (model::StringMap{{"tier", "edge"}}));
}

TEST_F(NamespacesTest, WhatTheWatchBringsCountsBeforeItSaysHowFarItGot) {
  store_.setVersion("3");
  see("3", {});
  ASSERT_EQ(labelsAsOf("7"), model::StringMap{}) << "asked for, and remembered";
  see("8", {{"tier", "edge"}});
  EXPECT_EQ(labelsAsOf("7"), (model::StringMap{{"tier", "edge"}}));
}

TEST_F(NamespacesTest, WhatWasAskedForCountsBeforeWhatTheWatchBroughtEarlier) {
  store_.setVersion("3");
  serverHas("5", {{"tier", "edge"}});
  ASSERT_EQ(labelsAsOf("7"), (model::StringMap{{"tier", "edge"}}));
  see("4", {});
  EXPECT_EQ(labelsAsOf("7"), (model::StringMap{{"tier", "edge"}}));
}

TEST_F(NamespacesTest, AnAnswerNewerThanWasAskedForIsNotTakenBack) {
  store_.setVersion("3");
  serverHas("9", {{"tier", "edge"}});
  ASSERT_EQ(labelsAsOf("7"), (model::StringMap{{"tier", "edge"}}));
  see("8", {});
  EXPECT_EQ(labelsAsOf("7"), (model::StringMap{{"tier", "edge"}}));
  store_.setVersion("8");
  EXPECT_EQ(labelsAsOf("7"), (model::StringMap{{"tier", "edge"}}));
}

}  // namespace
}  // namespace barevip::assigner
