// SPDX-License-Identifier: Apache-2.0
#include "operator/session/sources.h"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace barevip::controlplane {

void PrintTo(const Enqueued& keys, std::ostream* out) {
  const auto print = [out](const char* queue, const std::vector<kube::ObjectKey>& of) {
    *out << queue << ":";
    for (const kube::ObjectKey& key : of) *out << " " << key.toString();
    *out << "; ";
  };
  print("services", keys.services);
  print("ips", keys.ips);
  print("pools", keys.pools);
  *out << (keys.everyPool ? "every Pool" : "");
}

namespace {

using kube::ObjectKey;

const ObjectKey kWeb{"shop", "web"};
const ObjectKey kRecord{"shop", "web-192.0.2.1"};
const ObjectKey kReserved{"shop", "reserved"};
const ObjectKey kLan{"", "lan"};

const Enqueued kNothing;

Enqueued everyPool() { return ofClusterUse(); }

/// A value as a store hands it out; null: not there.
template <class T, class Edit>
std::shared_ptr<const T> changed(const std::shared_ptr<const T>& from, const Edit& edit) {
  T copy = *from;
  edit(copy);
  return std::make_shared<const T>(std::move(copy));
}

ServicePtr service(const std::string& type) {
  model::Service web;
  web.key = kWeb;
  web.uid = "u1";
  web.type = type;
  return std::make_shared<const model::Service>(std::move(web));
}

IpObjectPtr ipObject(const ObjectKey& key, const std::string& owner) {
  model::IpObject ipObject;
  ipObject.key = key;
  ipObject.uid = "u2";
  ipObject.spec.address = "192.0.2.1";
  if (!owner.empty()) ipObject.serviceOwner = model::OwnerReference{"v1", "Service", owner, "u1"};
  return std::make_shared<const model::IpObject>(std::move(ipObject));
}

PoolPtr pool(std::int64_t generation) {
  model::Pool lan;
  lan.key = kLan;
  lan.uid = "u3";
  lan.generation = generation;
  return std::make_shared<const model::Pool>(std::move(lan));
}

NamespacePtr ns(const model::StringMap& labels) {
  model::Namespace shop;
  shop.key = {"", "shop"};
  shop.labels = labels;
  return std::make_shared<const model::Namespace>(std::move(shop));
}

struct Case {
  std::string change;
  Enqueued enqueued;
  Enqueued expected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) EXPECT_EQ(each.enqueued, each.expected) << each.change;
}

TEST(Sources, AServiceEnqueuesItselfAndTheIpObjectsThatItConcerns) {
  assigner::IpObjectIndex index;
  index.update(nullptr, ipObject(kRecord, "web"));
  const ServicePtr web = service("LoadBalancer");
  const ServicePtr other = service("ClusterIP");
  const auto edited = [&](const auto& edit) { return changed(web, edit); };
  const ServicePtr labelled = edited([](auto& it) { it.labels = {{"tier", "gold"}}; });
  const ServicePtr naming = edited([](auto& it) {
    it.annotations = {{"barevip.dev/ip", "reserved"}};
  });
  const ServicePtr shows = changed(other, [](auto& it) { it.ingress = {{"192.0.2.1", "", ""}}; });
  const ServicePtr waited = changed(other, [](auto& it) {
    it.conditions = {{"barevip.dev/AddressAssigned", "False", "PoolExhausted", "", 0}};
  });
  check({
      {"comes", ofService(nullptr, web, index), {{kWeb}, {}, {}, false}},
      {"goes", ofService(web, nullptr, index), {{kWeb}, {}, {}, false}},
      {"of another type", ofService(nullptr, other, index), kNothing},
      {"becomes a LoadBalancer", ofService(other, web, index), {{kWeb}, {}, {}, false}},
      {"is a LoadBalancer no longer", ofService(web, other, index), {{kWeb}, {}, {}, false}},
      {"of another type shows an address",
       ofService(nullptr, shows, index),
       {{kWeb}, {}, {}, false}},
      {"of another type has the condition of barevip",
       ofService(nullptr, waited, index),
       {{kWeb}, {}, {}, false}},
      {"gets labels", ofService(web, labelled, index), {{kWeb}, {kRecord}, {}, false}},
      {"names a reservation", ofService(web, naming, index), {{kWeb}, {kReserved}, {}, false}},
      {"comes and names a reservation",
       ofService(nullptr, naming, index),
       {{kWeb}, {kReserved}, {}, false}},
      {"names it as before", ofService(naming, naming, index), {{kWeb}, {}, {}, false}},
  });
}

TEST(Sources, APoolEnqueuesItselfAndItsStatusTheCountsOfAll) {
  const PoolPtr lan = pool(1);
  const auto edited = [&](const auto& edit) { return changed(lan, edit); };
  const Enqueued itself{{}, {}, {kLan}, false};
  check({
      {"comes", ofPool(nullptr, lan), itself},
      {"goes", ofPool(lan, nullptr), itself},
      {"spec", ofPool(lan, pool(2)), itself},
      {"is being deleted", ofPool(lan, edited([](auto& it) { it.deleting = true; })), itself},
      {"another one of the same name", ofPool(lan, edited([](auto& it) { it.uid = "u9"; })),
       itself},
      {"status", ofPool(lan, edited([](auto& it) { it.status.inUse = "1"; })), everyPool()},
  });
}

TEST(Sources, AnIpObjectEnqueuesItselfAndItsOwnersUnlessOnlyItsStatusChanged) {
  const IpObjectPtr record = ipObject(kRecord, "web");
  const IpObjectPtr reserved = ipObject(kReserved, "");
  const auto edited = [&](const auto& edit) { return changed(record, edit); };
  const Enqueued alone{{}, {kRecord}, {}, false};
  const Enqueued withOwner{{kWeb}, {kRecord}, {}, false};
  check({
      {"comes", ofIp(nullptr, record), withOwner},
      {"goes", ofIp(record, nullptr), withOwner},
      {"reservation comes", ofIp(nullptr, reserved), {{}, {kReserved}, {}, false}},
      {"status", ofIp(record, edited([](auto& it) { it.status.node = "n1"; })), alone},
      {"spec",
       ofIp(record, edited([](auto& it) { it.spec.address = "192.0.2.2"; })),
       {{kWeb, kWeb}, {kRecord}, {}, false}},
      {"is being deleted",
       ofIp(record, edited([](auto& it) { it.deleting = true; })),
       {{kWeb, kWeb}, {kRecord}, {}, false}},
      {"another owner",
       ofIp(record, ipObject(kRecord, "api")),
       {{kWeb, {"shop", "api"}}, {kRecord}, {}, false}},
      {"loses its owner", ofIp(record, ipObject(kRecord, "")), withOwner},
  });
}

TEST(Sources, LabelsOfANamespaceConcernAllThatIsInIt) {
  Stores stores;
  stores.services.put(*service("LoadBalancer"));
  stores.services.put(*changed(service("ClusterIP"), [](auto& it) { it.key.name = "db"; }));
  stores.services.put(*changed(service("LoadBalancer"), [](auto& it) { it.key.ns = "bank"; }));
  stores.ipObjects.put(*ipObject(kReserved, ""));
  const Enqueued all{{kWeb}, {kReserved}, {}, true};
  check({
      {"comes", ofNamespace(nullptr, ns({}), stores), all},
      {"labels", ofNamespace(ns({}), ns({{"team", "a"}}), stores), all},
      {"nothing of interest", ofNamespace(ns({}), ns({}), stores), kNothing},
      {"goes", ofNamespace(ns({}), nullptr, stores), kNothing},
  });
}

TEST(Sources, ASessionBeginsWithEverything) {
  Stores stores;
  stores.services.put(*service("LoadBalancer"));
  stores.services.put(*changed(service("ClusterIP"), [](auto& it) { it.key.name = "db"; }));
  stores.ipObjects.put(*ipObject(kReserved, ""));
  stores.ipObjects.put(*ipObject(kRecord, "gone"));
  stores.pools.put(*pool(1));
  const Enqueued all = {{kWeb, {"shop", "gone"}}, {kReserved, kRecord}, {kLan}, false};
  EXPECT_EQ(ofAll(stores), all) << "also the owner of a record that is there no more";
}

TEST(Sources, ASessionBeginsWithTheOldest) {
  Stores stores;
  for (const auto& [name, created] :
       {std::pair("aaa", 3), std::pair("mmm", 1), std::pair("zzz", 2)}) {
    stores.services.put(*changed(service("LoadBalancer"), [&](model::Service& each) {
      each.key.name = name;
      each.creationSeconds = created;
    }));
    stores.ipObjects.put(*changed(ipObject(kReserved, ""), [&](model::IpObject& each) {
      each.key.name = name;
      each.creationSeconds = created;
    }));
  }
  const std::vector<ObjectKey> oldestFirst{{"shop", "mmm"}, {"shop", "zzz"}, {"shop", "aaa"}};
  EXPECT_EQ(ofAll(stores).services, oldestFirst);
  EXPECT_EQ(ofAll(stores).ips, oldestFirst);
}

TEST(Sources, ConsumersOfAChangedPoolLookAgainWithTheirIpObjects) {
  using Kind = assigner::Consumer::Kind;
  assigner::IpObjectIndex index;
  index.update(nullptr, ipObject(kRecord, "web"));
  const IpAddress address = IpAddress::parse("192.0.2.1").value();
  check({
      {"a Service",
       ofPoolConsumers({{address, {Kind::kService, kWeb}, {}}}, index),
       {{kWeb}, {kRecord}, {}, false}},
      {"a reservation and the Services that use it",
       ofPoolConsumers({{address, {Kind::kReservation, kReserved}, {kWeb}}}, index),
       {{kWeb}, {kReserved}, {}, false}},
  });
}

TEST(Sources, AConsumerThatWaitsIsEnqueuedByItsKind) {
  using Kind = assigner::Consumer::Kind;
  const Enqueued both{{kWeb}, {kReserved}, {}, false};
  EXPECT_EQ(ofConsumers({{Kind::kReservation, kReserved}, {Kind::kService, kWeb}}), both);
}

}  // namespace
}  // namespace barevip::controlplane
