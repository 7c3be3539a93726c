// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/policy_violation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using test::pool;
using testing::HasSubstr;

TEST(PolicyViolation, SaysWhyAnAddressWouldNotBeGivenAgain) {
  struct Case {
    const char* what;
    model::Pool pool;
    std::string home;
    const char* reason;  ///< null: all is well
    const char* says;
  };
  const model::Pool good = pool("a", {"10.0.0.0/24"});
  model::Pool elsewhere = pool("a", {"10.9.0.0/24"});
  model::Pool avoiding = good;
  avoiding.avoidGatewayIps = true;
  model::Pool going = good;
  going.deleting = true;
  model::Pool malformed = pool("a", {"10.0.0.0/24", "oops"});
  model::Pool ignoring = good;
  ignoring.ignoreNamespaces = {"default"};
  model::Pool forOthers = good;
  forOthers.namespaces = {"shop"};
  model::Pool labelled = good;
  labelled.serviceSelector = model::LabelSelector{{{"tier", "edge"}}, {}};
  model::Pool onRequest = good;
  onRequest.autoAssign = false;
  model::Pool both = elsewhere;
  both.ignoreNamespaces = {"default"};
  const Case cases[] = {
      {"nothing changed", good, "a", nullptr, ""},
      {"gives on request only", onRequest, "a", nullptr, ""},
      {"shrunk", elsewhere, "a", kOutsidePool, "it no longer has that address"},
      {"left out by now", avoiding, "a", kOutsidePool, "it no longer has that address"},
      {"being deleted", going, "a", kOutsidePool, "it is being deleted"},
      {"cannot be read", malformed, "a", kOutsidePool, "spec.addresses[1]"},
      {"deleted", good, "gone", kOutsidePool,
       "Pool \"gone\", which allocated 10.0.0.1, no longer exists"},
      {"from no Pool", good, "", kOutsidePool, "no Pool has 10.0.0.1"},
      {"namespace ignored", ignoring, "a", kNotAdmitted, "ignoreNamespaces lists \"default\""},
      {"other namespaces", forOthers, "a", kNotAdmitted, "admit namespace \"default\""},
      {"other labels", labelled, "a", kNotAdmitted, "serviceSelector does not match"},
      {"shrunk and not admitted", both, "a", kOutsidePool, "no longer has"},
  };
  const Requester requester{"default", model::StringMap{}, model::StringMap{}};
  for (const Case& each : cases) {
    const Allocator allocator = test::allocatorWith({each.pool});
    const auto violation = violationOf(allocator.pools(), ip("10.0.0.1"), each.home, requester);
    ASSERT_EQ(violation.has_value(), each.reason != nullptr) << each.what;
    if (!violation) continue;
    EXPECT_EQ(violation->reason, each.reason) << each.what;
    EXPECT_THAT(violation->message, HasSubstr(each.says)) << each.what;
  }
}

}  // namespace
}  // namespace barevip::assigner
