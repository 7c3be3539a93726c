// SPDX-License-Identifier: Apache-2.0
// A Service reconciler beside an API server in memory. Time and the watch move only when the test
// says so.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "assigner/allocation/service_status.h"
#include "assigner/restore/restore.h"
#include "assigner/service/service_reconciler.h"
#include "common/model/ip_object_json.h"
#include "common/model/node_json.h"
#include "common/model/service_json.h"
#include "fakes/builders/objects_json.h"
#include "fakes/fake_api.h"
#include "fakes/fake_event_sink.h"
#include "fakes/manual_clock.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner::test {

using nlohmann::json;

using barevip::test::serviceJson;

class ClusterFixture : public testing::Test {
 protected:
  ClusterFixture() {
    ipObjects_.addHandler([this](const auto& before, const auto& after) {
      ipObjectIndex_.update(before, after);
      if (reconciler_) {
        const bool owned = after && after->serviceOwner;
        reconciler_->ipObjectSeen((after ? after : before)->key,
                                  owned ? after->serviceOwner->uid : "");
      }
    });
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "default"}}}});
    setPools({pool("a", {"10.0.0.0/24"})});
    restart();
  }

  void setPools(const std::vector<model::Pool>& pools) {
    pools_ = pools;
    if (allocator_) {
      allocator_->with([&](Allocator& allocator) { allocator.setPools(planPools(pools_)); });
    }
  }

  /// A process that knows nothing begins to lead.
  void restart() {
    reconciler_.reset();
    allocator_ = std::make_unique<SharedAllocator>(clock_);
    waiting_ = std::make_unique<WaitingList>();
    setPools(pools_);
    sync();
    const Snapshot snapshot{ipObjects_.all(), services_.all(), [this](const std::string& name) {
                              return namespaces_.get({"", name});
                            }};
    allocator_->with([&](Allocator& allocator) {
      restore(allocator, snapshot, {options_.classes, options_.adopt});
    });
    reconciler_ = std::make_unique<ServiceReconciler>(
        api_, clock_, events_, ClusterView{services_, ipObjects_, namespaces_, ipObjectIndex_},
        *allocator_, *waiting_,
        AllocationNotices{
            [this](const std::string&) { ++freed_; },
            [this](const Shareable& what) {
              ++freed_;
              for (const Consumer& each : waiting_->sharing(what)) {
                consumersWoken_.push_back(each.key.name);
              }
            },
            [this](const kube::ObjectKey&) { ++freed_; }, [] {},
            [this](const kube::ObjectKey& ipObject) { ipObjectUses_.push_back(ipObject.name); },
            [](const kube::ObjectKey&) {}, [this](const Consumer& who) { onDecided_(who); }},
        [this] { return busy_; }, options_);
    reconciler_->tookUp(snapshot.services);
  }

  /// The watches catch up.
  void sync() {
    fill<model::Service>(services_, kube::kServices, model::decodeService);
    fill<model::IpObject>(ipObjects_, kube::kIps, model::decodeIpObject);
    fill<model::Namespace>(namespaces_, kube::kNamespaces, model::decodeNamespace);
  }

  /// The watch of Services catches up, that of IP objects does not.
  void fillServicesOnly() {
    fill<model::Service>(services_, kube::kServices, model::decodeService);
  }

  Result<kube::ReconcileResult> once(const std::string& name) {
    return reconciler_->reconcile({"default", name}, {});
  }

  /// Reconciles and lets the watches catch up until nothing is written any more.
  void settle(const std::string& name) {
    sync();
    for (int round = 0; round < 10; ++round) {
      const std::size_t before = api_.writeCount();
      ASSERT_TRUE(once(name)) << name;
      sync();
      if (api_.writeCount() == before) return;
    }
    ADD_FAILURE() << name << " does not settle";
  }

  void put(const json& service) { api_.put(kube::kServices, service); }

  void add(const std::string& name) {
    put(serviceJson(name));
    settle(name);
  }

  /// Many others wait, and go on to wait: its record is still to come.
  void addInBurst(const std::string& name) {
    busy_ = true;
    put(serviceJson(name));
    sync();
    ASSERT_TRUE(once(name)) << name;
  }

  [[nodiscard]] std::vector<kube::ObjectKey> waiters(
      Consumer::Kind kind = Consumer::Kind::kService) const {
    return waiting_->keys(kind);
  }

  [[nodiscard]] json service(const std::string& name) const {
    return api_.object(kube::kServices, {"default", name}).value_or(json());
  }

  /// Changes the object as a person would.
  void edit(const std::string& name, const json& patch) {
    json object = service(name);
    object.merge_patch(patch);
    object["metadata"].erase("resourceVersion");
    put(object);
  }

  [[nodiscard]] std::string shown(const std::string& name) const {
    std::string text;
    const json object = service(name);
    const auto ingress = object.value(json::json_pointer("/status/loadBalancer/ingress"), json());
    for (const json& entry : ingress) {
      text += (text.empty() ? "" : ",") + entry.value("ip", "");
    }
    return text;
  }

  [[nodiscard]] json condition(const std::string& name) const {
    const json object = service(name);
    for (const json& each : object.value(json::json_pointer("/status/conditions"), json::array())) {
      if (each["type"] == kAddressAssigned) return each;
    }
    return json::object();
  }

  [[nodiscard]] std::string reason(const std::string& name) const {
    return condition(name).value("reason", "");
  }

  [[nodiscard]] std::vector<std::string> ipObjectNames() const {
    std::vector<std::string> names;
    for (const json& ipObject : api_.objects(kube::kIps))
      names.push_back(ipObject["metadata"]["name"]);
    return names;
  }

  kube::FakeApi api_;
  ManualClock clock_;
  kube::FakeEventSink events_;
  kube::Store<model::Service> services_;
  kube::Store<model::IpObject> ipObjects_;
  kube::Store<model::Namespace> namespaces_;
  IpObjectIndex ipObjectIndex_;
  std::vector<model::Pool> pools_;
  std::unique_ptr<SharedAllocator> allocator_;
  std::unique_ptr<WaitingList> waiting_;
  ServiceReconciler::Options options_;
  std::unique_ptr<ServiceReconciler> reconciler_;
  int freed_ = 0;
  std::vector<std::string> consumersWoken_;
  bool busy_ = false;
  std::vector<std::string> ipObjectUses_;
  std::function<void(const Consumer&)> onDecided_ = [](const Consumer&) {};

 private:
  template <class T>
  void fill(kube::Store<T>& store, const kube::Resource& resource,
            Result<T> (*decode)(const json&)) {
    std::vector<T> objects;
    for (const json& object : api_.objects(resource)) objects.push_back(decode(object).value());
    store.replaceAll(std::move(objects));
  }
};

}  // namespace barevip::assigner::test
