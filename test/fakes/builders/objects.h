// SPDX-License-Identifier: Apache-2.0
// Short ways to write the objects of a cluster in tests.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "barevip/model/endpoint_slice.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "fakes/builders/addresses.h"

namespace barevip::test {

/// All addresses of its ranges, free again at once when they are released.
inline model::Pool pool(const std::string& name, std::vector<std::string> addresses) {
  model::Pool pool;
  pool.key.name = name;
  pool.addresses = std::move(addresses);
  pool.allowFirstLast = true;
  pool.reuseDelay = {};
  return pool;
}

/// A Service "default/NAME" with port 80/TCP named "http", addressed by us.
inline model::Service service(const std::string& name, std::initializer_list<std::string> vips) {
  model::Service result;
  result.key = {"default", name};
  result.type = "LoadBalancer";
  result.ports = {{"http", model::Protocol::kTcp, 80, 0}};
  for (const std::string& vip : vips) result.ingress.push_back({vip, "", "Proxy"});
  result.conditions = {{"barevip.dev/AddressAssigned", "True", "Assigned", ""}};
  return result;
}

struct EndpointSpec {
  std::string address;
  std::string node = "n1";
  bool ready = true;
  bool serving = true;
  bool terminating = false;
};

inline EndpointSpec terminating(const std::string& address, const std::string& node = "n1") {
  return {address, node, false, true, true};
}
inline EndpointSpec unready(const std::string& address, const std::string& node = "n1") {
  return {address, node, false, false, false};
}

/// A slice of "default/SERVICE" with port 8080/TCP named "http"; the family is the first address's.
inline model::EndpointSlice slice(const std::string& serviceName,
                                  std::initializer_list<EndpointSpec> endpoints,
                                  Family family = Family::kIpv4) {
  model::EndpointSlice result;
  result.key = {"default", serviceName + (family == Family::kIpv4 ? "-4" : "-6")};
  result.serviceName = serviceName;
  result.family = family;
  result.ports = {{"http", model::Protocol::kTcp, 8080}};
  for (const EndpointSpec& spec : endpoints) {
    result.endpoints.push_back(
        {{ip(spec.address)}, spec.node, spec.ready, spec.serving, spec.terminating});
  }
  return result;
}

inline model::Node node(const std::string& name, const std::string& address = "") {
  model::Node result;
  result.key = {"", name};
  if (!address.empty()) result.internalIps = {ip(address)};
  result.ready = true;
  return result;
}

inline model::IpObject ipObject(const std::string& serviceName, const std::string& address,
                                const std::string& holder = "",
                                const std::string& pool = "default") {
  model::IpObject result;
  result.key = {"default", serviceName + "-" + address};
  result.status.phase = "Bound";
  result.status.address = address;
  result.status.pool = pool;
  if (!serviceName.empty()) result.status.services = {serviceName};
  result.status.node = holder;
  return result;
}

/// A reservation that these Services of its namespace use.
inline model::IpObject usedBy(std::vector<std::string> services, const std::string& address) {
  model::IpObject result = ipObject("", address);
  result.key.name = "reserved";
  result.status.services.assign(services.begin(), services.end());
  return result;
}

/// The record of an address of "default/SERVICE" for these ports.
inline model::IpObject granting(const std::string& serviceName, const std::string& address,
                                std::vector<std::string> ports) {
  model::IpObject result = ipObject(serviceName, address);
  result.status.ports.assign(ports.begin(), ports.end());
  return result;
}

/// The same Service on another port.
inline model::Service onPort(std::uint16_t port, model::Service result) {
  result.ports = {{"http", model::Protocol::kTcp, port, 0}};
  return result;
}

/// The operator refused what the Service asks for.
inline model::Service refused(model::Service result) {
  result.conditions = {{"barevip.dev/AddressAssigned", "False", "AddressHeld", ""}};
  return result;
}

inline model::Service local(model::Service result) {
  result.externalTrafficPolicy = model::TrafficPolicy::kLocal;
  return result;
}

}  // namespace barevip::test
