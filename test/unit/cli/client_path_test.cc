// SPDX-License-Identifier: Apache-2.0
#include "cli/view/client_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "cli/print/documents.h"
#include "cli/print/explain_print.h"
#include "fakes/builders/view_cluster.h"
#include "ipvsnode/desired/source_ranges.h"

namespace barevip::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using view::test::ClusterBuilder;

/// Two nodes, and a Service on n1 with an endpoint on each.
ClusterBuilder cluster(const std::function<void(model::Service&)>& edit = {}) {
  ClusterBuilder builder;
  builder.node("n1").node("n2").pool("a", "10.0.0.0/30", 2, 1).served("web", "10.0.0.1", "a", "n1");
  builder.add(builder.cluster.state.slices,
              barevip::test::slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
  if (edit) {
    model::Service edited = *builder.cluster.state.services[0];
    edit(edited);
    builder.cluster.state.services[0] = std::make_shared<model::Service>(edited);
  }
  return builder;
}

ClientPath pathIn(const ClusterBuilder& builder, const std::string& client = "192.0.2.7:40000") {
  const auto paths = pathsOf(builder.cluster, {"default", "web"}, parseClient(client).value());
  return paths.size() == 1 ? paths[0] : ClientPath{"not one path", {}, {}, {}, {}};
}

TEST(AClientsPath, LeadsToTheOnlyEndpointThereIs) {
  ClusterBuilder builder = cluster();
  builder.cluster.state.slices.clear();
  builder.add(builder.cluster.state.slices, barevip::test::slice("web", {{"10.1.0.2", "n2"}}));
  EXPECT_EQ(pathIn(builder), (ClientPath{"TCP 10.0.0.1:80", "n1", "10.1.0.2:8080", {}, {}}));
}

TEST(AClientsPath, OfLocalLeadsToAnEndpointOfTheOwner) {
  const auto builder = cluster([](model::Service& service) {
    service.externalTrafficPolicy = model::TrafficPolicy::kLocal;
  });
  EXPECT_EQ(pathIn(builder).endpoint, "10.1.0.1:8080");
}

TEST(AClientsPath, NamesTheCandidatesAndWhyObjectsDoNotShowWhichOfThem) {
  struct Case {
    std::string scheduler;
    const char* why;
  };
  const Case cases[] = {
      {"", "(rr by default), and only the kernel of the owner knows which endpoint is next"},
      {"wrr", "scheduler wrr takes turns"},
      {"lc", "scheduler lc compares how many connections each endpoint has"},
      {"mh", "scheduler mh sends this address to the same endpoint each time"},
      {"sh", "scheduler sh sends this address to the same endpoint each time"},
      {"dh", "scheduler dh sends all clients of the VIP to the same endpoint"},
  };
  for (const Case& each : cases) {
    const ClientPath path = pathIn(cluster([&](model::Service& service) {
      if (each.scheduler.empty()) return;
      service.annotations[std::string(model::kSchedulerAnnotation)] = each.scheduler;
    }));
    EXPECT_EQ(path.endpoint, "");
    EXPECT_THAT(path.candidates, ElementsAre("10.1.0.1:8080", "10.1.0.2:8080"));
    EXPECT_THAT(path.why, HasSubstr(each.why));
  }
}

TEST(AClientsPath, OfSessionAffinityIsKnownToTheKernelAlone) {
  const auto builder = cluster([](model::Service& service) { service.affinitySeconds = 10800; });
  EXPECT_THAT(pathIn(builder).why,
              HasSubstr("sessionAffinity sends a client to its last endpoint"));
}

TEST(AClientsPath, EndsWhereTheSourceRangesDoNotAdmitIt) {
  const auto builder =
      cluster([](model::Service& service) { service.sourceRanges = {"198.51.100.0/24"}; });
  EXPECT_THAT(pathIn(builder).why, HasSubstr("do not admit 192.0.2.7"));
  EXPECT_THAT(pathIn(builder).candidates, IsEmpty());
  EXPECT_THAT(pathIn(builder, "198.51.100.9:1").candidates, testing::SizeIs(2));
}

TEST(AClientsPath, ByKubeProxyIsItsChoice) {
  const auto proxied = cluster([](model::Service& service) {
    service.forward = model::ForwardMode::kKubeProxy;
    service.ingress[0].ipMode = "VIP";
  });
  EXPECT_EQ(pathIn(proxied),
            (ClientPath{"10.0.0.1", "n1", "", {}, "kube-proxy of n1 chooses the endpoint"}));
}

TEST(AClientsPath, ByKubeProxyEndsWhereItsSourceRangesDoNotAdmitIt) {
  const auto guarded = [](const std::string& range) {
    return cluster([&](model::Service& service) {
      service.forward = model::ForwardMode::kKubeProxy;
      service.ingress[0].ipMode = "VIP";
      service.sourceRanges = {range};
    });
  };
  EXPECT_EQ(pathIn(guarded("198.51.100.0/24")).why,
            "loadBalancerSourceRanges of the Service do not admit 192.0.2.7");
  EXPECT_EQ(pathIn(guarded("192.0.2.0/24")).why, "kube-proxy of n1 chooses the endpoint");
  EXPECT_EQ(pathIn(guarded("2001:db8::/64")).why, "kube-proxy of n1 chooses the endpoint")
      << "ranges of one family leave the other one open there";
}

TEST(AClientsPath, ByKubeProxyKnowsNoLimitOfRanges) {
  const auto proxied = cluster([](model::Service& service) {
    service.forward = model::ForwardMode::kKubeProxy;
    service.ingress[0].ipMode = "VIP";
    for (std::size_t i = 0; i < node::kMaxRangesOfService; ++i) {
      const std::string hosts = std::to_string(i / 256) + "." + std::to_string(i % 256);
      service.sourceRanges.emplace_back("198.18." + hosts + "/32");
    }
    service.sourceRanges.emplace_back("192.0.2.0/24");
  });
  EXPECT_EQ(pathIn(proxied).why, "kube-proxy of n1 chooses the endpoint");
  EXPECT_THAT(pathIn(proxied, "203.0.113.1:1").why, HasSubstr("do not admit 203.0.113.1"));
}

TEST(AClientsPath, EndsWhereNoNodeMayAnnounce) {
  ClusterBuilder builder = cluster();
  for (auto& daemon : builder.cluster.daemons) daemon.silent = true;
  EXPECT_EQ(pathIn(builder).why, "no node may announce 10.0.0.1");
}

TEST(AClientsPath, WithoutAnEndpointEndsAtTheOwner) {
  ClusterBuilder builder = cluster();
  builder.cluster.state.slices.clear();
  EXPECT_EQ(pathIn(builder).why, "n1 has no endpoint for new connections");
}

TEST(AClientsPath, OfAnotherFamilyIsNone) {
  EXPECT_THAT(
      pathsOf(cluster().cluster, {"default", "web"}, parseClient("[2001:db8::7]:40000").value()),
      IsEmpty());
}

TEST(AClientsPath, IsPrintedForPeopleAndPrograms) {
  ServiceExplanation explanation;
  explanation.client = "192.0.2.7:40000";
  explanation.paths = {
      {"TCP 10.0.0.1:80", "n1", "10.1.0.2:8080", {}, {}},
      {"TCP 10.0.0.1:81", "n1", "", {"10.1.0.1:1", "10.1.0.2:1"}, "it takes turns"},
      {"TCP 10.0.0.1:82", "", "", {}, "no node may announce 10.0.0.1"}};
  std::ostringstream out;
  printExplanation(explanation, {}, out);
  EXPECT_THAT(out.str(), HasSubstr(R"(
A new connection from 192.0.2.7:40000
  TCP 10.0.0.1:80 by n1 -> 10.1.0.2:8080
  TCP 10.0.0.1:81 by n1 -> one of 10.1.0.1:1, 10.1.0.2:1: it takes turns
  TCP 10.0.0.1:82: no node may announce 10.0.0.1
)"));
  EXPECT_THAT(toJson(explanation), HasSubstr(R"("endpoint": "10.1.0.2:8080")"));
}

TEST(AClient, IsAnAddressAndAPort) {
  EXPECT_EQ(parseClient("192.0.2.7:1").value().toString(), "192.0.2.7:1");
  EXPECT_EQ(parseClient("[2001:db8::7]:65535").value().toString(), "[2001:db8::7]:65535");
  for (const char* const text :
       {"", ":", "192.0.2.7", "192.0.2.7:", "192.0.2.7:0", "192.0.2.7:65536", "192.0.2.7:1x",
        "2001:db8::7:1", "[192.0.2.7]:1", "[]:1", "[:1", "example.com:1"}) {
    EXPECT_FALSE(parseClient(text)) << text;
  }
}

}  // namespace
}  // namespace barevip::cli
