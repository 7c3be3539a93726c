// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

#include "operator/page/page_state.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

json read(const PageState& state) { return json::parse(toJson(state)); }

TEST(TheStateOfThePage, HasWhatThePluginHas) {
  PageState state;
  state.status.pools = {{"a", true, {"14", "0"}, {"1", "0"}, {"13", "0"}}};
  const json document = read(state);
  EXPECT_EQ(document["pools"], json::parse(R"([{"name": "a", "ready": true,
    "capacity": {"ipv4": "14", "ipv6": "0"}, "allocated": {"ipv4": "1", "ipv6": "0"},
    "available": {"ipv4": "13", "ipv6": "0"}}])"));
  EXPECT_EQ(document["problems"], json::array());
}

TEST(TheStateOfThePage, HasTrafficAndMoves) {
  PageState state;
  state.traffic = {{"10.0.0.1", "n1", {{"ns/web", "80/TCP", true, 1, {{"10.1.0.1:8080", "n1"}}}}}};
  state.moves = {{WallTime{}, "10.0.0.1", "n2", "n1"}};
  const json document = read(state);
  EXPECT_EQ(document["traffic"], json::parse(R"([{"address": "10.0.0.1", "owner": "n1",
    "byKubeProxy": false, "ports": [
    {"service": "ns/web", "port": "80/TCP", "local": true, "total": 1,
     "backends": [{"endpoint": "10.1.0.1:8080", "node": "n1"}]}]}])"));
  EXPECT_EQ(document["moves"], json::parse(R"([{"time": "1970-01-01T00:00:00Z",
    "address": "10.0.0.1", "from": "n2", "to": "n1"}])"));
}

TEST(TheStateOfThePage, ClaimsNoBackendsThatAreNotKnown) {
  PageState state;
  state.endpointsKnown = false;
  state.traffic = {{"10.0.0.1", "n1", {{"ns/web", "80/TCP", false, 0, {}}}}};
  EXPECT_TRUE(read(state)["traffic"][0]["ports"][0]["backends"].is_null());
}

TEST(TheStateOfThePage, SaysWhichVipsKubeProxyForwards) {
  PageState state;
  state.traffic = {{"10.0.0.1", "n1", {}, true}};
  EXPECT_EQ(read(state)["traffic"][0]["byKubeProxy"], true);
}

TEST(TheStateOfThePage, SaysWhereTheDashboardsAre) {
  PageState state;
  EXPECT_EQ(read(state)["dashboardUrl"], "");
  state.dashboardUrl = "https://grafana.example";
  EXPECT_EQ(read(state)["dashboardUrl"], "https://grafana.example");
}

TEST(TheStateOfThePage, SaysWhoLeads) {
  const std::pair<Leadership, std::string> cases[] = {{{false, true, "me"}, "alone"},
                                                      {{true, true, "me"}, "leader"},
                                                      {{true, false, "x"}, "standby"}};
  for (const auto& [leadership, role] : cases) {
    PageState state;
    state.leadership = leadership;
    EXPECT_EQ(read(state)["role"], role);
    EXPECT_EQ(read(state)["leader"], leadership.leader);
  }
}

TEST(TheStateOfThePage, IsOneLineOfValidTextWhateverATenantWrote) {
  PageState state;
  const std::string hostile = "</script>\n\ndata: x\r\n\xff\xfe<img src=x onerror=alert(1)>";
  state.status.findings = {{view::Finding::Level::kProblem, "Service", hostile, "R", hostile}};
  state.notes = {hostile};
  const std::string text = toJson(state);
  EXPECT_EQ(text.find_first_of("\r\n"), std::string::npos);
  EXPECT_EQ(json::parse(text)["problems"][0]["object"],
            "</script>\n\ndata: x\r\n\ufffd\ufffd<img src=x onerror=alert(1)>");
}

TEST(TheStateOfThePage, IsBoundedAndCountsWhatItLeavesOut) {
  PageState state;
  const std::string endless(100'000, 'x');
  state.status.findings.assign(
      kMostRows + 7, {view::Finding::Level::kProblem, "Service", "ns/a", "Reason", endless});
  const json document = read(state);
  EXPECT_EQ(document["problems"].size(), kMostRows);
  EXPECT_EQ(document["omitted"]["problems"], 7);
  EXPECT_EQ(document["omitted"]["vips"], 0);
  EXPECT_LE(document["problems"][0]["message"].get<std::string>().size(), kMostMessage + 3);
}

}  // namespace
}  // namespace barevip::controlplane
