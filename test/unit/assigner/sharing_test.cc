// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/sharing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barevip::assigner {
namespace {

using model::AllowSharing;
using model::Protocol;
using testing::HasSubstr;

const kube::ObjectKey kSelf{"shop", "web"};
const model::StringMap kWebPods{{"app", "web"}};
const model::StringMap kDnsPods{{"app", "dns"}};

SharingTerms terms(std::vector<Port> ports,
                   std::optional<model::StringMap> localPods = std::nullopt) {
  return {"k", std::move(ports), std::move(localPods)};
}

SharingTerms by(Forwarder who, SharingTerms terms) {
  terms.by = who;
  return terms;
}

ServiceConsumer other(const std::string& ns, SharingTerms terms) {
  return {{ns, "other"}, std::move(terms)};
}

TEST(Sharing, ServicesClashOnAPortOfOneProtocolOrOnPodsThatMayBeElsewhere) {
  struct Case {
    const char* what;
    SharingTerms wanted;
    SharingTerms had;
    const char* clash;  // part of the sentence; empty: they fit
  };
  const Port http{Protocol::kTcp, 80};
  const Port https{Protocol::kTcp, 443};
  const Port quic{Protocol::kUdp, 443};
  const Case cases[] = {
      {"other ports", terms({http}), terms({https}), ""},
      {"one number, two protocols", terms({https}), terms({quic}), ""},
      {"one port of several", terms({http, https}), terms({https, quic}), "the port 443/TCP"},
      {"no ports at all", terms({}), terms({}), ""},
      {"Cluster beside Local", terms({http}), terms({https}, kDnsPods), ""},
      {"Local beside Cluster", terms({http}, kWebPods), terms({https}), ""},
      {"Local with the same pods", terms({http}, kWebPods), terms({https}, kWebPods), ""},
      {"Local with other pods", terms({http}, kWebPods), terms({https}, kDnsPods),
       "externalTrafficPolicy Local"},
      {"Local without selectors", terms({http}, model::StringMap{}),
       terms({https}, model::StringMap{}), "spec.selector"},
      {"kube-proxy beside IPVS", by(Forwarder::kKubeProxy, terms({http})), terms({https}),
       "barevip.dev/forward"},
      {"IPVS beside kube-proxy", terms({http}), by(Forwarder::kKubeProxy, terms({https})),
       "barevip.dev/forward"},
      {"kube-proxy for both", by(Forwarder::kKubeProxy, terms({http})),
       by(Forwarder::kKubeProxy, terms({https})), ""},
      {"one that nobody forwards", by(Forwarder::kNobody, terms({http})),
       by(Forwarder::kKubeProxy, terms({https})), ""},
  };
  for (const Case& each : cases) {
    const auto refusal = clash(kSelf, each.wanted, {other("shop", each.had)});
    EXPECT_EQ(refusal.has_value(), *each.clash != '\0') << each.what;
    EXPECT_THAT(refusal.value_or(""), HasSubstr(each.clash)) << each.what;
    if (refusal) {
      EXPECT_THAT(*refusal, HasSubstr("Service shop/other")) << each.what;
    }
    const SharingTerms fitting = whatFits(kSelf, each.wanted, {other("shop", each.had)});
    EXPECT_FALSE(clash(kSelf, fitting, {other("shop", each.had)})) << each.what;
    EXPECT_EQ(fitting == each.wanted, !refusal) << each.what;
  }
}

TEST(Sharing, AServiceDoesNotClashWithItself) {
  const SharingTerms mine = terms({{Protocol::kTcp, 80}}, model::StringMap{});
  EXPECT_FALSE(clash(kSelf, mine, {{kSelf, mine}}));
  EXPECT_FALSE(hasOthers(kSelf, {{kSelf, mine}}));
  EXPECT_TRUE(agreeOnKey(kSelf, "", {{kSelf, mine}}));
}

TEST(Sharing, NeedsOneKeyThatIsNotEmpty) {
  ServiceConsumer without = other("shop", terms({}));
  without.terms.key.clear();
  EXPECT_TRUE(agreeOnKey(kSelf, "k", {other("shop", terms({}))}));
  EXPECT_FALSE(agreeOnKey(kSelf, "l", {other("shop", terms({}))}));
  EXPECT_FALSE(agreeOnKey(kSelf, "", {without}));
}

TEST(Sharing, ThePoolSaysWhoseServicesMayJoin) {
  struct Case {
    AllowSharing allow;
    const char* ns;
    bool joins;
  };
  const Case cases[] = {
      {AllowSharing::kNamespace, "shop", true}, {AllowSharing::kNamespace, "blog", false},
      {AllowSharing::kCluster, "shop", true},   {AllowSharing::kCluster, "blog", true},
      {AllowSharing::kNever, "shop", false},    {AllowSharing::kNever, "blog", false},
  };
  for (const Case& each : cases) {
    const auto refusal = refusalToJoin(kSelf, {other(each.ns, terms({}))}, "edge", each.allow);
    EXPECT_EQ(!refusal, each.joins) << model::toString(each.allow) << " " << each.ns;
    if (!refusal) continue;
    const bool near = std::string(each.ns) == "shop";
    EXPECT_EQ(*refusal, std::string("with ") +
                            (near ? "Service shop/other" : "a Service of another namespace") +
                            ": spec.allowSharing of Pool \"edge\" is " +
                            std::string(model::toString(each.allow)));
  }
}

TEST(Sharing, APortIsReadAsItIsWritten) {
  for (const Port port :
       {Port{Protocol::kTcp, 80}, Port{Protocol::kUdp, 53}, Port{Protocol::kSctp, 65535}}) {
    EXPECT_EQ(Port::parse(port.toString()), port);
  }
  for (const char* text : {"", "80", "80/", "/TCP", "0/TCP", "65536/TCP", "80/tcp", "80/TCP ",
                           "80TCP", "-1/TCP", "80/ICMP"}) {
    EXPECT_FALSE(Port::parse(text)) << text;
  }
}

TEST(Sharing, PeopleReadOneNameAndTheNumberOfTheOthers) {
  const ServiceConsumer a{{"shop", "a"}, {}};
  const ServiceConsumer b{{"shop", "b"}, {}};
  EXPECT_EQ(namesOf({a}), "Service shop/a");
  EXPECT_EQ(namesOf({a, b, {kSelf, {}}}), "Service shop/a and 2 more");
  EXPECT_EQ(namesOf({a, b}, a.service), "Service shop/b");
}

}  // namespace
}  // namespace barevip::assigner
