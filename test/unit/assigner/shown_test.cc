// SPDX-License-Identifier: Apache-2.0
#include "assigner/restore/shown.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;

const kube::ObjectKey kWeb{"default", "web"};
const kube::ObjectKey kOther{"default", "other"};

model::Service showing(const std::vector<std::string>& addresses) {
  model::Service service;
  service.key = kWeb;
  service.type = "LoadBalancer";
  service.ipFamilies = {Family::kIpv4};
  for (const std::string& address : addresses) service.ingress.push_back({address, "", "VIP"});
  return service;
}

model::Service given(const std::vector<std::string>& addresses) {
  model::Service service = showing(addresses);
  service.conditions = {{kAddressAssigned, "True", kAssigned, ""}};
  return service;
}

std::string joinedText(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) {
    if (!text.empty()) text += ",";
    text += address.toString();
  }
  return text;
}

struct Case {
  const char* situation;
  model::Service service;
  bool adopt;
  std::function<void(Allocator&)> before;
  const char* did;
  const char* has;      ///< what the Service holds afterwards
  const char* foreign;  ///< what is held for it as foreign
};

TEST(EnterShown, RestoresAdoptsOrHoldsForOthers) {
  const auto nothing = [](Allocator&) {};
  const auto otherHas = [](Allocator& allocator) { test::restore(allocator, kOther, "10.0.0.5"); };
  const auto wasForeign = [](Allocator& allocator) {
    allocator.setForeign(kWeb, {ip("10.0.0.5")});
  };
  const auto allocations = [](Allocator& allocator) { test::restore(allocator, kWeb, "10.0.0.5"); };
  const std::vector<Case> cases{
      {"it shows nothing", showing({}), false, nothing, "", "", ""},
      {"its condition says that barevip allocated it", given({"10.0.0.5"}), false, nothing,
       "restored", "10.0.0.5", ""},
      {"another one has it now", given({"10.0.0.5"}), false, otherHas, "", "", ""},
      {"no Pool has it", given({"10.9.9.9"}), false, nothing, "changed", "", "10.9.9.9"},
      {"another load balancer allocated it", showing({"10.0.0.5"}), false, nothing,
       "foreign changed", "", "10.0.0.5"},
      {"it is known that another one did", showing({"10.0.0.5"}), false, wasForeign,
       "foreign wasForeign", "", "10.0.0.5"},
      {"it is adopted", showing({"10.0.0.5"}), true, wasForeign, "adopted wasForeign changed",
       "10.0.0.5", ""},
      {"it cannot be adopted, because another Service has it", showing({"10.0.0.5"}), true,
       otherHas, "foreign", "", ""},
      {"a foreign address is shown no more", showing({}), false, wasForeign,
       "wasForeign changed released 10.0.0.5", "", ""},
      {"what it shows besides was written by a person", given({"10.0.0.5", "10.0.0.6"}), false,
       allocations, "changed", "10.0.0.5", "10.0.0.6"},
  };
  for (const Case& each : cases) {
    Allocator allocator = test::allocatorWith({test::pool("a", {"10.0.0.0/24"})});
    each.before(allocator);
    const Entered entered =
        enterShown(allocator, each.service, requesterOf(each.service, nullptr), {each.adopt});
    std::string did;
    const auto add = [&](bool is, const std::string& what) {
      if (!is) return;
      if (!did.empty()) did += " ";
      did += what;
    };
    add(entered.restored, "restored");
    add(entered.adopted, "adopted");
    add(entered.foreign, "foreign");
    add(entered.wasForeign, "wasForeign");
    add(entered.change.any, "changed");
    add(!entered.change.released.empty(), "released " + joinedText(entered.change.released));
    EXPECT_EQ(did, each.did) << each.situation;
    EXPECT_EQ(joinedText(allocator.allocations().ofService(kWeb)), each.has) << each.situation;
    EXPECT_EQ(joinedText(allocator.allocations().ofForeign(kWeb)), each.foreign) << each.situation;
  }
}

}  // namespace
}  // namespace barevip::assigner
