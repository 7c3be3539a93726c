// SPDX-License-Identifier: Apache-2.0
#include "operator/session/fenced_api.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "fakes/fake_api.h"

namespace barevip::controlplane {
namespace {

using kube::kServices;
using nlohmann::json;

const kube::ObjectKey kWeb{"shop", "web"};

struct Call {
  std::string name;
  std::function<Result<void>(kube::Api&)> send;
  bool write = true;
};

template <class T>
Result<void> outcomeOf(const Result<T>& result) {
  if (!result) return tl::make_unexpected(result.error());
  return {};
}

std::vector<Call> everyVerb() {
  const json web = {{"metadata", {{"name", kWeb.name}, {"namespace", kWeb.ns}}}};
  return {
      {"list", [](auto& api) { return outcomeOf(api.list(kServices, {}, [](const json&) {}, {})); },
       false},
      {"get", [](auto& api) { return outcomeOf(api.get(kServices, kWeb, {})); }, false},
      {"patch",
       [](auto& api) { return outcomeOf(api.patch(kServices, kWeb, "", json::object(), {})); }},
      {"patch of the status",
       [](auto& api) {
         return outcomeOf(api.patch(kServices, kWeb, "status", json::object(), {}));
       }},
      {"replace", [web](auto& api) { return outcomeOf(api.replace(kServices, kWeb, web, {})); }},
      {"remove", [](auto& api) { return api.remove(kServices, kWeb, "", {}); }},
      {"create", [web](auto& api) { return outcomeOf(api.create(kServices, kWeb.ns, web, {})); }},
  };
}

TEST(FencedApi, WritesPassOnlyWhileTheProcessLeadsAndReadsAlways) {
  for (const bool leads : {true, false}) {
    kube::FakeApi server;
    server.put(kServices, {{"metadata", {{"name", kWeb.name}, {"namespace", kWeb.ns}}}});
    FencedApi api(server, [leads] { return leads; });
    for (const Call& call : everyVerb()) {
      SCOPED_TRACE(call.name + (leads ? ", leads" : ", does not lead"));
      const auto outcome = call.send(api);
      if (leads || !call.write) {
        EXPECT_TRUE(outcome) << outcome.error().message;
      } else {
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code, ErrorCode::kStopped);
      }
    }
    EXPECT_EQ(server.writeCount(), leads ? 5U : 0U);
  }
}

}  // namespace
}  // namespace barevip::controlplane
