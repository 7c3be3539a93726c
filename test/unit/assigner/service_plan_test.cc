// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"
#include "assigner/service/missing_record.h"
#include "assigner/service/record_name.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;

const kube::ObjectKey kWeb{"default", "web"};

model::Service web() {
  model::Service service;
  service.key = kWeb;
  service.uid = "uid-web";
  service.type = "LoadBalancer";
  service.ipFamilies = {Family::kIpv4};
  return service;
}

void showing(model::Service& service, const std::string& address,
             const std::string& status = "True", const std::string& reason = kAssigned) {
  service.ingress = {{address, "", "Proxy"}};
  service.conditions = {{kAddressAssigned, status, reason, address + " assigned"}};
}

// One Service and all that decide() reads.
struct World {
  Allocator allocator = test::allocatorWith({test::pool("a", {"10.0.0.0/24"})});
  model::Service service = web();
  bool gone = false;
  bool ours = true;
  bool busy = false;
  bool leftAlone = false;
  Entered entered;
  ServiceRules rules;
  std::vector<std::string> records;  ///< addresses that an IP object of the Service records

  void allocations(const std::string& address) { test::restore(allocator, kWeb, address); }

  [[nodiscard]] ServiceView view() const {
    ServiceView view;
    view.key = kWeb;
    if (!gone) view.service = std::make_shared<model::Service>(service);
    for (const std::string& address : records) {
      model::IpObject ipObject;
      ipObject.key = {kWeb.ns, recordName(kWeb.name, ip(address))};
      ipObject.serviceOwner = model::OwnerReference{"v1", "Service", kWeb.name, service.uid};
      ipObject.spec.address = address;
      view.records.push_back(std::make_shared<model::IpObject>(std::move(ipObject)));
    }
    view.ours = ours;
    view.entered = entered;
    view.leftAlone = leftAlone;
    view.busy = busy;
    return view;
  }

  [[nodiscard]] ServicePlan plan() const {
    return decide(view(), allocator.pools(), allocator.allocations(), rules);
  }
};

void add(std::string& text, const std::string& what, const std::string& value = "") {
  if (!text.empty()) text += "; ";
  text += what;
  if (!value.empty()) text.append(" ").append(value);
}

std::string shownText(const ShownStatus& status) {
  std::string text;
  for (const model::LoadBalancerIngress& entry : status.ingress) text.append(entry.ip).append(" ");
  return text.append(status.condition.status).append(" ").append(status.condition.reason);
}

// What a plan does, in the order in which it is done.
std::string textOf(const ServicePlan& plan) {
  std::string text;
  for (const IpAddress& address : plan.gained) add(text, "gain", address.toString());
  if (plan.waits) add(text, "wait", std::string(nameOf(plan.waits->reason)));
  if (plan.leftAlone) add(text, "leave alone");
  for (const kube::Event& event : plan.events) add(text, "event", event.reason);
  for (const Shareable& each : plan.shareable) add(text, "shareable", each.key);
  for (const kube::ObjectKey& ipObject : plan.termsChanged) add(text, "new terms", ipObject.name);
  for (const Assignment& each : plan.records) add(text, "record", each.address.toString());
  if (plan.show) add(text, "show", shownText(*plan.show));
  for (const IpAddress& address : plan.withdraw) add(text, "withdraw", address.toString());
  if (plan.keep) {
    add(text, "keep", plan.keep->empty() ? "nothing" : "");
    for (const std::string& name : *plan.keep) text.append(" ").append(name);
  }
  for (const IpAddress& address : plan.release) add(text, "release", address.toString());
  for (const IpAddress& address : plan.foreign.value_or(std::vector<IpAddress>{})) {
    add(text, "foreign", address.toString());
  }
  for (const kube::ObjectKey& ipObject : plan.uses) add(text, "use", ipObject.name);
  return text;
}

struct Case {
  const char* situation;
  std::function<void(World&)> given;
  const char* plan;
};

const std::vector<Case> kCases{
    {"a new Service has its record before it shows the address", [](World&) {},
     "gain 10.0.0.0; record 10.0.0.0; show 10.0.0.0 True Assigned; keep web-10.0.0.0"},
    {"in a burst the record of a first address follows the status",
     [](World& world) { world.busy = true; },
     "gain 10.0.0.0; show 10.0.0.0 True Assigned; keep web-10.0.0.0"},
    {"in a burst an address that it has is recorded before it is shown",
     [](World& world) {
       world.busy = true;
       world.allocations("10.0.0.5");
     },
     "record 10.0.0.5; show 10.0.0.5 True Assigned; keep web-10.0.0.5"},
    {"in a burst the record comes first where it was refused before",
     [](World& world) {
       world.busy = true;
       world.service.conditions = {{kAddressAssigned, "False", kRecordRefused, "a quota"}};
     },
     "gain 10.0.0.0; record 10.0.0.0; show 10.0.0.0 True Assigned; keep web-10.0.0.0"},
    {"a Service that is settled keeps what it has",
     [](World& world) {
       world.allocations("10.0.0.5");
       showing(world.service, "10.0.0.5");
     },
     "record 10.0.0.5; show 10.0.0.5 True Assigned; keep web-10.0.0.5"},
    {"a Service that asks for another address releases the old one when it shows the new one",
     [](World& world) {
       world.allocations("10.0.0.5");
       showing(world.service, "10.0.0.5");
       world.service.annotations[std::string(model::kAddressAnnotation)] = "10.0.0.9";
     },
     "gain 10.0.0.9; record 10.0.0.9; show 10.0.0.9 True Assigned; keep web-10.0.0.9; "
     "release 10.0.0.5"},
    {"a Service that gets nothing waits and shows the reason",
     [](World& world) { world.allocator.setPools({}); },
     "wait NoPool; show False NoPool; keep nothing"},
    {"a Service that cannot have what it asks for keeps what it has",
     [](World& world) {
       world.allocations("10.0.0.5");
       world.service.annotations[std::string(model::kAddressAnnotation)] = "no address";
     },
     "wait BadRequest; record 10.0.0.5; show 10.0.0.5 False BadRequest; keep web-10.0.0.5"},
    {"a Service that nobody could forward gets nothing and shows the reason",
     [](World& world) { world.service.forward = model::ForwardMode::kUnknown; },
     "wait ForwardingRefused; show False ForwardingRefused; keep nothing"},
    {"a Service that nobody can forward any more keeps what it has",
     [](World& world) {
       world.allocations("10.0.0.5");
       world.service.forward = model::ForwardMode::kClusterIp;
       world.service.externalTrafficPolicy = model::TrafficPolicy::kLocal;
     },
     "wait ForwardingRefused; new terms web-10.0.0.5; record 10.0.0.5; "
     "show 10.0.0.5 False ForwardingRefused; keep web-10.0.0.5"},
    {"a Service whose class is served no more keeps what it has, and gets nothing else",
     [](World& world) {
       world.rules.classes.required = true;
       world.allocations("10.0.0.5");
       world.service.annotations[std::string(model::kAddressAnnotation)] = "10.0.0.9";
     },
     "record 10.0.0.5; show 10.0.0.5 True ClassNotServed; keep web-10.0.0.5"},
    {"what the Pool would not allocate again is kept and reported",
     [](World& world) { world.allocations("10.9.9.9"); },
     "record 10.9.9.9; show 10.9.9.9 True OutsidePool; keep web-10.9.9.9"},
    {"a reservation needs no record of its own",
     [](World& world) {
       Reservation reservation;
       reservation.ipObject = {"default", "mine"};
       reservation.requester = {"default", model::StringMap{}, std::nullopt};
       reservation.address = ip("10.0.0.7");
       ASSERT_TRUE(world.allocator.reserve(reservation));
       world.service.annotations[std::string(model::kIpAnnotation)] = "mine";
     },
     "gain 10.0.0.7; show 10.0.0.7 True Assigned; keep nothing; use mine"},
    {"a new share key is reported to those who share under it, and the IP object shows it",
     [](World& world) {
       world.allocations("10.0.0.5");
       world.service.annotations[std::string(model::kShareAnnotation)] = "k";
     },
     "shareable k; new terms web-10.0.0.5; record 10.0.0.5; show 10.0.0.5 True Assigned; "
     "keep web-10.0.0.5"},
    {"a restored Service is reported to those who share with it",
     [](World& world) {
       world.allocations("10.0.0.5");
       world.service.annotations[std::string(model::kShareAnnotation)] = "k";
       world.allocator = test::allocatorWith({test::pool("a", {"10.0.0.0/24"})});
       world.allocator.restore({kWeb, termsOf(world.service), "a"}, ip("10.0.0.5"),
                               Allocator::Evidence::kRecorded);
       world.entered.restored = true;
     },
     "shareable k; record 10.0.0.5; show 10.0.0.5 True Assigned; keep web-10.0.0.5"},
    {"an adopted Service has an event",
     [](World& world) {
       world.allocations("10.0.0.5");
       world.service.ingress = {{"10.0.0.5", "", "Proxy"}};
       world.entered.adopted = true;
     },
     "event Adopted; record 10.0.0.5; show 10.0.0.5 True Assigned; keep web-10.0.0.5"},
    {"a Service that shows what another one gave is left alone, and an event says so",
     [](World& world) {
       world.service.ingress = {{"10.0.0.5", "", "VIP"}};
       world.entered.foreign = true;
     },
     "leave alone; event ForeignAddress; keep nothing"},
    {"the event comes once",
     [](World& world) {
       world.service.ingress = {{"10.0.0.5", "", "VIP"}};
       world.entered.foreign = true;
       world.leftAlone = true;
     },
     "leave alone; keep nothing"},
    {"the event does not come again under the next leader",
     [](World& world) {
       world.service.ingress = {{"10.0.0.5", "", "VIP"}};
       world.entered.foreign = true;
       world.entered.wasForeign = true;
     },
     "leave alone; keep nothing"},
    {"what cannot be adopted yet waits for its address",
     [](World& world) {
       world.rules.adopt = true;
       world.service.ingress = {{"10.0.0.5", "", "VIP"}};
       world.entered.foreign = true;
     },
     "wait AddressHeld; leave alone; event ForeignAddress; keep nothing"},
    {"a Service that is gone has neither records nor addresses any more",
     [](World& world) {
       world.gone = true;
       world.ours = false;
       world.allocations("10.0.0.5");
       world.records = {"10.0.0.5"};
     },
     "keep nothing; release 10.0.0.5"},
    {"a Service that is not ours any more shows nothing of barevip",
     [](World& world) {
       world.ours = false;
       world.allocations("10.0.0.5");
       showing(world.service, "10.0.0.5");
       world.service.ingress.push_back({"192.0.2.1", "", "VIP"});
     },
     "withdraw 10.0.0.5; keep nothing; release 10.0.0.5; foreign 192.0.2.1"},
    {"what an IP object records is withdrawn as far as our condition stands",
     [](World& world) {
       world.ours = false;
       showing(world.service, "10.0.0.5");
       world.records = {"10.0.0.5"};
     },
     "withdraw 10.0.0.5; keep nothing"},
    {"without our condition a Service shows nothing of barevip, whatever IP objects say",
     [](World& world) {
       world.ours = false;
       world.service.ingress = {{"10.0.0.5", "", "VIP"}};
       world.records = {"10.0.0.5"};
     },
     "keep nothing; foreign 10.0.0.5"},
};

TEST(ServicePlan, FollowsFromWhatIsSeen) {
  for (const Case& each : kCases) {
    World world;
    each.given(world);
    EXPECT_EQ(textOf(world.plan()), each.plan) << each.situation;
  }
}

TEST(ServicePlan, ChangesNothingBeforeItIsExecuted) {
  for (const Case& each : kCases) {
    World world;
    each.given(world);
    const auto before = world.allocator.allocations().all();
    const std::string first = textOf(world.plan());
    EXPECT_EQ(world.allocator.allocations().all(), before) << each.situation;
    EXPECT_EQ(textOf(world.plan()), first) << each.situation;
  }
}

TEST(ServicePlan, LeavesNothingToChangeWhenItWasGranted) {
  for (const Case& each : kCases) {
    World world;
    each.given(world);
    const ServicePlan plan = world.plan();
    if (!plan.show) continue;
    world.allocator.grant({kWeb, termsOf(world.service)}, plan.choice);
    for (const IpAddress& address : plan.release) world.allocator.release(kWeb, address);
    const ServicePlan next = world.plan();
    EXPECT_TRUE(next.gained.empty()) << each.situation;
    EXPECT_TRUE(next.termsChanged.empty()) << each.situation;
    EXPECT_TRUE(next.release.empty()) << each.situation;
    EXPECT_EQ(next.show, plan.show) << each.situation;
  }
}

TEST(ServicePlan, TellsKubeProxyToForwardWhatItForwardsAlone) {
  struct Way {
    const char* situation;
    model::ForwardMode forward;
    model::TrafficPolicy policy;
    std::optional<model::ForwardMode> beside;  ///< a Service on the same address
    const char* ipMode;
  };
  using Mode = model::ForwardMode;
  constexpr auto kCluster = model::TrafficPolicy::kCluster;
  constexpr auto kLocal = model::TrafficPolicy::kLocal;
  const Way cases[] = {
      {"masquerade", Mode::kMasquerade, kCluster, std::nullopt, "Proxy"},
      {"cluster-ip", Mode::kClusterIp, kCluster, std::nullopt, "Proxy"},
      {"cluster-ip that is refused", Mode::kClusterIp, kLocal, std::nullopt, "Proxy"},
      {"unknown", Mode::kUnknown, kCluster, std::nullopt, "Proxy"},
      {"kube-proxy", Mode::kKubeProxy, kCluster, std::nullopt, "VIP"},
      {"kube-proxy, Local", Mode::kKubeProxy, kLocal, std::nullopt, "VIP"},
      {"kube-proxy beside the same", Mode::kKubeProxy, kCluster, Mode::kKubeProxy, "VIP"},
      {"kube-proxy beside IPVS", Mode::kKubeProxy, kCluster, Mode::kMasquerade, "Proxy"},
      {"kube-proxy beside what is refused", Mode::kKubeProxy, kCluster, Mode::kUnknown, "VIP"},
  };
  for (const Way& each : cases) {
    World world;
    world.service.annotations[std::string(model::kShareAnnotation)] = "k";
    if (each.beside) {
      model::Service other = world.service;
      other.key.name = "other";
      other.forward = *each.beside;
      world.allocator.restore({other.key, termsOf(other), "a"}, ip("10.0.0.5"),
                              Allocator::Evidence::kRecorded);
    }
    world.service.forward = each.forward;
    world.service.externalTrafficPolicy = each.policy;
    world.allocator.restore({kWeb, termsOf(world.service), "a"}, ip("10.0.0.5"),
                            Allocator::Evidence::kRecorded);
    const auto show = world.plan().show;
    ASSERT_EQ(show->ingress.size(), 1U) << each.situation;
    EXPECT_EQ(show->ingress[0].ipMode, each.ipMode) << each.situation;
  }
}

TEST(ServicePlan, IsOursByTheClassOrByTheClassThatItHadWhenItWasAllocated) {
  World world;
  EXPECT_TRUE(isOurs(world.view(), world.allocator.allocations(), world.rules));
  world.rules.classes.required = true;
  EXPECT_FALSE(isOurs(world.view(), world.allocator.allocations(), world.rules))
      << "it holds nothing";
  world.allocations("10.0.0.5");
  EXPECT_TRUE(isOurs(world.view(), world.allocator.allocations(), world.rules));
  world.records = {"10.0.0.5"};
  world.service.loadBalancerClass = "example.com/other";
  EXPECT_FALSE(isOurs(world.view(), world.allocator.allocations(), world.rules))
      << "another class now";
  world.records.clear();
  ServiceView view = world.view();
  EXPECT_FALSE(isOurs(view, world.allocator.allocations(), world.rules)) << "and no record";
  view.servedAsItIs = true;
  EXPECT_TRUE(isOurs(view, world.allocator.allocations(), world.rules))
      << "a user of a reservation";
  world.gone = true;
  EXPECT_FALSE(isOurs(world.view(), world.allocator.allocations(), world.rules));
}

struct MissingCase {
  const char* situation;
  std::set<IpAddress> never;
  Error error;
  const char* shown;
};

TEST(MissingRecord, StopsNoTrafficThatOnceHadARecord) {
  const Error taken{ErrorCode::kAlreadyExists, "IP default/web-10.0.0.5 is taken"};
  const Error quota{ErrorCode::kForbidden, "exceeded quota"};
  const std::vector<MissingCase> cases{
      {"it had a record", {}, quota, "10.0.0.5 True RecordRefused"},
      {"it never had one", {ip("10.0.0.5")}, quota, "False RecordRefused"},
      {"its name is taken", {}, taken, "10.0.0.5 True RecordNameTaken"},
  };
  for (const MissingCase& each : cases) {
    World world;
    world.allocations("10.0.0.5");
    const ShownStatus status = statusWithoutRecord(world.service, {}, world.allocator.allocations(),
                                                   each.never, each.error);
    EXPECT_EQ(shownText(status), each.shown) << each.situation;
  }
}

TEST(MissingRecord, IsServedWithThePortsThatItWasGrantedOnly) {
  World world;
  world.allocations("10.0.0.5");
  world.service.ports = {{"http", model::Protocol::kTcp, 80, 0}};
  const Error quota{ErrorCode::kForbidden, "exceeded quota"};
  const ShownStatus status =
      statusWithoutRecord(world.service, {}, world.allocator.allocations(), {}, quota);
  EXPECT_EQ(shownText(status), "10.0.0.5 False RecordRefused");
}

TEST(MissingRecord, NeedsAPersonWhereTheApiServerRefusesIt) {
  EXPECT_TRUE(refusesRecord({ErrorCode::kAlreadyExists, ""}));
  EXPECT_TRUE(refusesRecord({ErrorCode::kForbidden, ""}));
  EXPECT_FALSE(refusesRecord({ErrorCode::kUnavailable, ""}));
}

}  // namespace
}  // namespace barevip::assigner
