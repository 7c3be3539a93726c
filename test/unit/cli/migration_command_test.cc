// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "cli/other_balancers.h"
#include "cli/rollback_command.h"
#include "cli/saved_services_file.h"
#include "cli/verify_command.h"
#include "common/base/rfc3339.h"
#include "common/model/meta_json.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/cli/shared_output.h"

namespace barevip::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// An API server with a node, a Pool and the Service shop/web, which MetalLB gave 10.0.0.2.
class AMigration : public testing::Test {
 protected:
  AMigration() {
    std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '-');
    file_ = testing::TempDir() + "/migration-" + name + ".json";
    std::filesystem::remove(file_);
    api_.put(kube::kNodes,
             {{"metadata", {{"name", "n1"}}},
              {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "shop"}}}});
    api_.put(kube::kPools,
             {{"metadata", {{"name", "a"}}}, {"spec", {{"addresses", {"10.0.0.1-10.0.0.14"}}}}});
    api_.put(kube::kLeases,
             {{"metadata",
               {{"name", "barevip-node-n1"},
                {"namespace", "barevip-system"},
                {"labels", {{"barevip.dev/node-lease", "elects-by-share"}}},
                {"annotations", {{"barevip.dev/families", "4,6"}}}}},
              {"spec", {{"holderIdentity", "n1"}, {"renewTime", formatMicros(clock_.wallNow())}}}});
    putService("10.0.0.2", "", {{"metallb.io/address-pool", "edge"}});
  }
  ~AMigration() override { std::filesystem::remove(file_); }

  /// mode: Proxy as of barevip, which adds its condition then.
  void putService(const std::string& address, const std::string& mode,
                  const json& annotations = json::object()) {
    json entry = {{"ip", address}};
    if (!mode.empty()) entry["ipMode"] = mode;
    json conditions = json::array({{{"type", "example.com/Other"}, {"status", "True"}}});
    if (mode == "Proxy") {
      conditions.push_back({{"type", "barevip.dev/AddressAssigned"},
                            {"status", "True"},
                            {"reason", "Assigned"},
                            {"message", "assigned " + address}});
    }
    api_.put(
        kube::kServices,
        {{"metadata",
          {{"name", "web"}, {"namespace", "shop"}, {"uid", "u"}, {"annotations", annotations}}},
         {"spec",
          {{"type", "LoadBalancer"},
           {"ipFamilies", {"IPv4"}},
           {"ports", {{{"port", 80}, {"protocol", "TCP"}}}}}},
         {"status",
          {{"loadBalancer", {{"ingress", json::array({entry})}}}, {"conditions", conditions}}}});
  }

  /// What the operator does with it; owner empty: a person reserved it.
  void putIpObject(const std::string& name, const std::string& address, const std::string& owner) {
    json metadata = {{"name", name}, {"namespace", "shop"}};
    if (!owner.empty()) {
      metadata["ownerReferences"] = json::array({{{"apiVersion", "v1"},
                                                  {"kind", "Service"},
                                                  {"name", "web"},
                                                  {"uid", owner},
                                                  {"controller", true}}});
    }
    api_.put(kube::kIps, {{"metadata", metadata},
                          {"spec", {{"address", address}}},
                          {"status", {{"phase", "Bound"}, {"address", address}, {"pool", "a"}}}});
  }

  void takenByBarevip(const std::string& address) {
    putService(address, "Proxy");
    putIpObject("web-ip", address, "u");
  }

  void putWorkload(const kube::Resource& resource, const std::string& image, int pods,
                   const json& variables = json::array()) {
    const json container = {{"name", "c"}, {"image", image}, {"env", variables}};
    api_.put(resource,
             {{"metadata", {{"name", "controller"}, {"namespace", "other"}}},
              {"spec", {{"template", {{"spec", {{"containers", json::array({container})}}}}}}},
              {"status", {{"replicas", pods}}}});
  }

  void putOperator(int replicas) {
    api_.put(kube::kDeployments, {{"metadata",
                                   {{"name", "barevip-operator"},
                                    {"namespace", "lb"},
                                    {"labels", {{"app.kubernetes.io/name", "barevip-operator"}}}}},
                                  {"spec", {{"replicas", replicas}}}});
  }

  int save() { return runVerify({{}, file_, true, {}}, api_, clock_, {out_, messages_}, {}); }
  int verify(Output output = Output::kTable) {
    return runVerify({{}, file_, false, output}, api_, clock_, {out_, messages_}, {});
  }
  int rollback(bool yes = true, Output output = Output::kTable) {
    return runRollback({{}, file_, yes, output}, api_, {out_, messages_}, {});
  }
  void write(const std::string& text) { std::ofstream(file_) << text; }
  json web() const { return *api_.object(kube::kServices, {"shop", "web"}); }

  std::string file_;
  kube::FakeApi api_;
  ManualClock clock_;
  std::ostringstream out_;
  std::ostringstream messages_;
};

TEST_F(AMigration, BeginsWithAFileThatHasEveryLoadBalancerService) {
  ASSERT_EQ(save(), kAllWell) << messages_.str();
  EXPECT_EQ(out_.str(), file_ + " has 1 addresses of 1 Services\n");
  std::ifstream in(file_);
  const auto saved = parseSaved(std::string(std::istreambuf_iterator<char>(in), {}), file_);
  ASSERT_TRUE(saved) << saved.error().message;
  ASSERT_EQ(saved->services.size(), 1U);
  EXPECT_EQ(saved->services[0], savedService(web()));
  EXPECT_EQ(saved->time, "2030-01-01T00:00:00Z");
}

TEST_F(AMigration, IsNeverSavedOverTheFileOfBefore) {
  write("of before");
  EXPECT_EQ(save(), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("exists already"));
  std::ifstream in(file_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "of before");
}

TEST_F(AMigration, ThatIsOverAlreadyIsSavedWithANote) {
  takenByBarevip("10.0.0.2");
  EXPECT_EQ(save(), kAllWell);
  EXPECT_THAT(messages_.str(), HasSubstr("note: 1 of these Services are served by barevip"));
}

TEST_F(AMigration, ThatKeptAllAddressesEndsWithZero) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.2");
  EXPECT_EQ(verify(), kAllWell) << out_.str();
  EXPECT_THAT(out_.str(), HasSubstr("shop/web   10.0.0.2   10.0.0.2   kept"));
  EXPECT_THAT(out_.str(), HasSubstr("\n1 kept\n"));
}

TEST_F(AMigration, ThatMovedAnAddressEndsWithOne) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  EXPECT_EQ(verify(), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("shop/web moved: 10.0.0.2 -> 10.0.0.3\n"));
  out_.str("");
  EXPECT_EQ(verify(Output::kJson), kProblems);
  const json shown = json::parse(out_.str());
  EXPECT_EQ(shown["services"][0]["verdict"], "moved");
  EXPECT_EQ(shown["services"][0]["now"], json::array({"10.0.0.3"}));
}

TEST_F(AMigration, IsVerifiedWithoutAWrite) {
  ASSERT_EQ(save(), kAllWell);
  (void)verify();
  (void)rollback(false);
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(AMigration, WhoseOtherLoadBalancerRunsHasTwoWriters) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.2");
  putWorkload(kube::kDeployments, "registry.example:5000/metallb/controller:v0.15", 1);
  EXPECT_EQ(verify(), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("MetalLB runs: Deployment other/controller\n"));
  EXPECT_THAT(out_.str(), HasSubstr("shop/web two writers"));
  putWorkload(kube::kDeployments, "registry.example:5000/metallb/controller:v0.15", 0);
  EXPECT_EQ(verify(), kAllWell);
}

TEST_F(AMigration, IsFollowedWhileServicesAreTakenAndTheOtherLoadBalancerStops) {
  putWorkload(kube::kDeployments, "registry.example:5000/metallb/controller:v0.15", 1);
  ASSERT_EQ(save(), kAllWell);
  const std::jthread time([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (clock_.idle() >= 1) clock_.advance(std::chrono::milliseconds(500));
      std::this_thread::yield();
    }
  });
  test::SharedOutput out;
  VerifyOptions options{{}, file_, false, Output::kTable};
  options.watch = true;
  const std::jthread command([&](const std::stop_token& stop) {
    EXPECT_EQ(runVerify(options, api_, clock_, {out, messages_}, stop), kAllWell);
  });
  EXPECT_TRUE(api_.waitFor([&] { return out.has("shop/web other") && out.has("1 other\n"); }));
  takenByBarevip("10.0.0.2");
  EXPECT_TRUE(api_.waitFor([&] { return out.has("1 two writers\n"); }));
  putWorkload(kube::kDeployments, "registry.example:5000/metallb/controller:v0.15", 0);
  EXPECT_TRUE(api_.waitFor([&] { return out.has("1 kept\n"); }));
}

TEST_F(AMigration, SaysIfItCannotSeeOtherLoadBalancers) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.2");
  api_.setInterceptor([](auto, const kube::Resource& resource, const auto&) {
    return resource == kube::kDaemonSets
               ? std::optional(Error{ErrorCode::kForbidden, "daemonsets is forbidden", 403, {}})
               : std::nullopt;
  });
  EXPECT_EQ(verify(), kAllWell);
  EXPECT_THAT(messages_.str(), HasSubstr("whether another load balancer runs is not known"));
}

TEST_F(AMigration, IsRolledBackOnlyIfAskedTo) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  EXPECT_EQ(rollback(false), kAllWell);
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_THAT(out_.str(), HasSubstr("addresses: 10.0.0.3 -> 10.0.0.2, no longer of barevip\n"));
  EXPECT_THAT(out_.str(), HasSubstr("annotation metallb.io/address-pool: \"edge\"\n"));
  EXPECT_THAT(out_.str(), HasSubstr("IP object shop/web-ip of barevip is deleted\n"));
  EXPECT_THAT(out_.str(), HasSubstr("nothing is changed yet: --yes changes 1 Services\n"));
}

TEST_F(AMigration, IsRolledBackToWhatItWasAndNothingElseIsDeleted) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  putIpObject("reserved", "10.0.0.7", "");
  EXPECT_EQ(rollback(), kAllWell) << messages_.str();
  EXPECT_EQ(web()["status"]["loadBalancer"]["ingress"], json::array({{{"ip", "10.0.0.2"}}}));
  EXPECT_EQ(web()["metadata"]["annotations"], json({{"metallb.io/address-pool", "edge"}}));
  ASSERT_EQ(web()["status"]["conditions"].size(), 1U) << "that of another controller stays";
  EXPECT_EQ(web()["status"]["conditions"][0]["type"], "example.com/Other");
  EXPECT_FALSE(api_.object(kube::kIps, {"shop", "web-ip"}));
  EXPECT_TRUE(api_.object(kube::kIps, {"shop", "reserved"}));
}

TEST_F(AMigration, IsRolledBackOnce) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  ASSERT_EQ(rollback(), kAllWell);
  api_.clearWrites();
  EXPECT_EQ(rollback(), kAllWell);
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_THAT(out_.str(), HasSubstr("1 Services are as they were\n"));
}

TEST_F(AMigration, IsRolledBackAlsoWhileOthersWriteTheService) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  int patches = 0;
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const auto&, const auto&) {
    if (verb == kube::FakeApi::Verb::kPatchStatus && ++patches == 1) takenByBarevip("10.0.0.4");
    return std::optional<Error>();
  });
  EXPECT_EQ(rollback(), kAllWell) << messages_.str();
  EXPECT_EQ(patches, 2);
  EXPECT_EQ(web()["status"]["loadBalancer"]["ingress"][0]["ip"], "10.0.0.2");
}

/// What a load balancer leaves in a Service that has 10.0.0.2 from it.
struct Original {
  const char* name;
  json annotations;
  json spec;
  json status;
};
class AServiceOf : public AMigration, public testing::WithParamInterface<Original> {};

TEST_P(AServiceOf, IsRolledBackToAllThatItsLoadBalancerLeftThere) {
  json before = web();
  before["metadata"]["annotations"] = GetParam().annotations;
  before["spec"].update(GetParam().spec);
  before["status"] = GetParam().status;
  api_.put(kube::kServices, before);
  ASSERT_EQ(save(), kAllWell) << messages_.str();
  json taken = web();
  taken["spec"].erase("loadBalancerIP");
  taken["status"]["loadBalancer"]["ingress"] = {{{"ip", "10.0.0.9"}, {"ipMode", "Proxy"}}};
  taken["status"]["conditions"].push_back(
      {{"type", "barevip.dev/AddressAssigned"}, {"status", "True"}, {"reason", "Assigned"}});
  api_.put(kube::kServices, taken);
  putIpObject("web-ip", "10.0.0.9", "u");
  ASSERT_EQ(rollback(), kAllWell) << messages_.str();
  const json after = web();
  EXPECT_EQ(after["metadata"]["annotations"], GetParam().annotations);
  EXPECT_EQ(after["spec"], before["spec"]);
  EXPECT_EQ(after["status"].value("conditions", json::array()),
            GetParam().status.value("conditions", json::array()));
  EXPECT_EQ(after["status"]["loadBalancer"], GetParam().status["loadBalancer"]);
}

INSTANTIATE_TEST_SUITE_P(
    Each, AServiceOf,
    testing::Values(
        Original{
            "MetalLb",
            {{"metallb.io/address-pool", "edge"}, {"metallb.io/ip-allocated-from-pool", "edge"}},
            json::object(),
            {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.2"}, {"ipMode", "VIP"}}}}}}}},
        Original{"KubeVip",
                 {{"kube-vip.io/loadbalancerIPs", "10.0.0.2"}, {"kube-vip.io/vipHost", "n1"}},
                 {{"loadBalancerIP", "10.0.0.2"}},
                 {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.2"}, {"ipMode", "VIP"}}}}}}}},
        Original{"PureLb",
                 {{"purelb.io/service-group", "default"},
                  {"purelb.io/allocated-by", "PureLB"},
                  {"purelb.io/allocated-from", "default"},
                  {"purelb.io/announcing-IPv4", "n1,eth0"}},
                 json::object(),
                 {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.2"}, {"ipMode", "VIP"}}}}}}}},
        Original{"OpenElb",
                 {{"lb.kubesphere.io/v1alpha1", "openelb"},
                  {"eip.openelb.kubesphere.io/v1alpha2", "eip"}},
                 json::object(),
                 {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.2"}, {"ipMode", "VIP"}}}}}}}},
        Original{"Cilium",
                 {{"lbipam.cilium.io/ips", "10.0.0.2"}},
                 json::object(),
                 {{"loadBalancer", {{"ingress", {{{"ip", "10.0.0.2"}, {"ipMode", "VIP"}}}}}},
                  {"conditions",
                   {{{"type", "cilium.io/IPAMRequestSatisfied"},
                     {"status", "True"},
                     {"reason", "satisfied"}}}}}}),
    [](const auto& each) { return each.param.name; });

TEST_F(AMigration, ShowsToProgramsWhatARollbackWouldWrite) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.9");
  out_.str("");
  EXPECT_EQ(rollback(false, Output::kJson), kAllWell);
  EXPECT_EQ(json::parse(out_.str()), json::parse(R"({"services": [{"service": "shop/web",
    "saved": true, "shows": ["10.0.0.9"], "addresses": ["10.0.0.2"],
    "annotations": {"metallb.io/address-pool": "edge"}, "loadBalancerIP": null,
    "ipObjects": ["shop/web-ip"], "obstacle": ""}]})"));
}

TEST_F(AMigration, NamesWhoWroteOtherAddressesAfterBarevip) {
  ASSERT_EQ(save(), kAllWell);
  putService("10.0.0.7", "VIP");
  json rewritten = web();
  const auto entry = [](const char* manager, const char* time, const char* field) {
    return json{{"manager", manager},
                {"time", time},
                {"fieldsV1", {{"f:status", {{field, json::object()}}}}}};
  };
  rewritten["metadata"]["managedFields"] = {
      entry("barevip-operator", "2030-01-01T00:00:01Z", "f:loadBalancer"),
      entry("speaker", "2030-01-01T00:00:02Z", "f:loadBalancer"),
      entry("another", "2030-01-01T00:00:03Z", "f:conditions")};
  api_.put(kube::kServices, rewritten);
  EXPECT_EQ(rollback(), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("so \"speaker\" wrote them: correct that one"));
}

TEST_F(AMigration, IsNotRolledBackWhileTheOperatorRuns) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  putOperator(2);
  EXPECT_EQ(rollback(), kProblems);
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_THAT(messages_.str(), HasSubstr("error: Deployment lb/barevip-operator runs"));
  putOperator(0);
  const json pod = {{"metadata",
                     {{"name", "op-1"},
                      {"namespace", "lb"},
                      {"labels", {{"app.kubernetes.io/name", "barevip-operator"}}}}},
                    {"status", {{"phase", "Running"}}}};
  api_.put(kube::kPods, pod);
  EXPECT_EQ(rollback(), kProblems);
  EXPECT_THAT(messages_.str(), HasSubstr("error: Pod lb/op-1 runs"));
  api_.erase(kube::kPods, {"lb", "op-1"});
  EXPECT_EQ(rollback(), kAllWell);
}

TEST_F(AMigration, NamesTheServiceThatItCannotRollBackAndGoesOn) {
  ASSERT_EQ(save(), kAllWell);
  takenByBarevip("10.0.0.3");
  api_.setInterceptor([](kube::FakeApi::Verb verb, const auto&, const auto&) {
    return verb == kube::FakeApi::Verb::kPatchStatus
               ? std::optional(
                     Error{ErrorCode::kForbidden, "services/status is forbidden", 403, {}})
               : std::nullopt;
  });
  EXPECT_EQ(rollback(), kProblems);
  EXPECT_THAT(messages_.str(), HasSubstr("error: shop/web: services/status is forbidden\n"));
  EXPECT_TRUE(api_.object(kube::kIps, {"shop", "web-ip"})) << "barevip still serves it";
}

TEST_F(AMigration, ThatLeavesAServiceAsItIsEndsWithOne) {
  ASSERT_EQ(save(), kAllWell);
  putService("10.0.0.9", "");
  EXPECT_EQ(rollback(), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("shop/web stays as it is: "));
  EXPECT_EQ(web()["status"]["loadBalancer"]["ingress"][0]["ip"], "10.0.0.9");
}

struct WrongFile {
  const char* name;
  const char* text;
  const char* says;
};
class AFileThatIsNotOfAMigration : public AMigration,
                                   public testing::WithParamInterface<WrongFile> {};

TEST_P(AFileThatIsNotOfAMigration, IsRefusedWithWhatToDo) {
  write(GetParam().text);
  EXPECT_EQ(verify(), kCannotAsk);
  EXPECT_EQ(rollback(), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr(GetParam().says));
  EXPECT_THAT(messages_.str(), HasSubstr("name the file that verify --save wrote"));
  EXPECT_EQ(api_.writeCount(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    All, AFileThatIsNotOfAMigration,
    testing::Values(
        WrongFile{"Text", "apiVersion: v1", "does not have the addresses of Services"},
        WrongFile{"OtherJson", "[1]", "does not have the addresses of Services"},
        WrongFile{"Later", R"({"kind": "BarevipMigration", "version": 2})", "another version"},
        WrongFile{"NoList", R"({"kind": "BarevipMigration", "version": 1})", "no list"},
        WrongFile{"NoName",
                  R"({"kind": "BarevipMigration", "version": 1, "services": [{"name": "a"}]})",
                  "a Service without a name"}),
    [](const auto& each) { return each.param.name; });

struct Workload {
  const char* name;
  kube::Resource resource;
  const char* image;
  const char* product;  ///< empty: none
};
class AWorkload : public AMigration, public testing::WithParamInterface<Workload> {};

TEST_P(AWorkload, IsKnownByItsImage) {
  putWorkload(GetParam().resource, GetParam().image, 1);
  const auto found = otherBalancers(api_, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->empty() ? "" : found->front().product, GetParam().product);
}

INSTANTIATE_TEST_SUITE_P(
    All, AWorkload,
    testing::Values(
        Workload{"Speaker", kube::kDaemonSets, "r.example/metallb/speaker@sha256:12", "MetalLB"},
        Workload{"CloudProvider", kube::kDeployments, "r.example/kube-vip-cloud-provider:v1",
                 "kube-vip"},
        Workload{"KubeVipOfTheControlPlane", kube::kDaemonSets, "r.example/kube-vip/kube-vip:v1",
                 ""},
        Workload{"PureLb", kube::kDeployments, "r.example/a/purelb/allocator:v1", "PureLB"},
        Workload{"OpenElb", kube::kDeployments, "kubesphere/openelb-controller:v0.6", "OpenELB"},
        Workload{"Another", kube::kDeployments, "r.example/shop/controller:v1", ""}),
    [](const auto& each) { return each.param.name; });

TEST_F(AMigration, KnowsKubeVipThatServesServicesByItsFlag) {
  const json on = json::array({{{"name", "svc_enable"}, {"value", "true"}}});
  putWorkload(kube::kDaemonSets, "r.example/kube-vip/kube-vip:v1", 1, on);
  EXPECT_EQ(otherBalancers(api_, {})->size(), 1U);
}

TEST_F(AMigration, KnowsCiliumByPoolsThatAreNotDisabled) {
  const kube::Resource pools{"cilium.io", "v2", "ciliumloadbalancerippools",
                             "CiliumLoadBalancerIPPool", false};
  api_.put(pools, {{"metadata", {{"name", "p"}}}, {"spec", {{"disabled", true}}}});
  EXPECT_THAT(*otherBalancers(api_, {}), IsEmpty());
  api_.put(pools, {{"metadata", {{"name", "p"}}}, {"spec", json::object()}});
  const auto found = otherBalancers(api_, {});
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().object, "CiliumLoadBalancerIPPool p");
}

}  // namespace
}  // namespace barevip::cli
