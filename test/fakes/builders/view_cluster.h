// SPDX-License-Identifier: Apache-2.0
// Small clusters for the tests of what barevip shows.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "barevip/model/ip_object.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "fakes/builders/objects.h"
#include "view/cluster.h"

namespace barevip::view::test {

inline model::Condition assigned(const std::string& status, const std::string& reason,
                                 const std::string& message = "") {
  return {"barevip.dev/AddressAssigned", status, reason, message};
}

/// A cluster whose objects are added one by one, sorted by key among their kind.
class ClusterBuilder {
 public:
  Cluster cluster;

  /// A node that is ready, and its daemon.
  ClusterBuilder& node(const std::string& name, Daemon daemon = {}) {
    cluster.state.nodes.push_back(std::make_shared<model::Node>(barevip::test::node(name)));
    daemon.says.name = name;
    cluster.daemons.push_back(std::move(daemon));
    return *this;
  }

  /// A Pool that is ready, and what its status counts of IPv4.
  ClusterBuilder& pool(const std::string& name, const std::string& addresses, int capacity,
                       int allocated, std::vector<model::Condition> conditions = {}) {
    model::Pool pool;
    pool.key = {"", name};
    pool.addresses = {addresses};
    const auto count = [](int number) { return model::Pool::Counts{std::to_string(number), "0"}; };
    pool.status.capacity = count(capacity);
    pool.status.allocated = count(allocated);
    pool.status.available = count(capacity - allocated);
    if (conditions.empty()) conditions = {{"Ready", "True", "Ready", ""}};
    pool.status.conditions = std::move(conditions);
    return add(cluster.state.pools, std::move(pool));
  }

  /// A Service "default/NAME" as the operator left it.
  ClusterBuilder& service(const std::string& name, const std::string& address,
                          model::Condition condition) {
    model::Service service = barevip::test::service(name, {});
    service.uid = "uid-" + name;
    service.ipFamilies = {Family::kIpv4};
    if (!address.empty()) service.ingress = {{address, "", "Proxy"}};
    service.conditions = {std::move(condition)};
    return add(cluster.state.services, std::move(service));
  }

  /// The record of that Service's address.
  ClusterBuilder& record(const std::string& service, const std::string& address,
                         const std::string& pool, const std::string& node) {
    model::IpObject ipObject = barevip::test::ipObject(service, address, node, pool);
    ipObject.spec = {pool, address, "IPv4"};
    ipObject.serviceOwner = {"v1", "Service", service, "uid-" + service};
    ipObject.status.conditions = {{model::IpObject::kBound, "True", "Bound", "", 0, 1'893'456'000}};
    return add(cluster.state.ipObjects, std::move(ipObject));
  }

  /// A Service that has its address and is announced by the node.
  ClusterBuilder& served(const std::string& name, const std::string& address,
                         const std::string& pool, const std::string& node) {
    return service(name, address, assigned("True", "Assigned", "assigned"))
        .record(name, address, pool, node);
  }

  template <class T>
  ClusterBuilder& add(std::vector<std::shared_ptr<const T>>& objects, T object) {
    objects.push_back(std::make_shared<const T>(std::move(object)));
    return *this;
  }
};

}  // namespace barevip::view::test
