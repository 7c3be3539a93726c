// SPDX-License-Identifier: Apache-2.0
#include "benchmark/vip_objects.h"

#include <utility>

#include "barevip/model/ip_object.h"

#include "common/base/rfc3339.h"
#include "common/model/ip_object_json.h"

namespace barevip::bench {
namespace {

using nlohmann::json;

// Of the range of pods, of more than one node: no host here has them.
constexpr Uint128 kFirstPod = 0x0a800000U;    // 10.128.0.0
constexpr Uint128 kFirstSpare = 0x0ac00000U;  // 10.192.0.0
constexpr Uint128 kFirstVip = 0x0ac80000U;    // 10.200.0.0
static_assert(kFirstPod + Uint128{kMostServices + kMostLate} * kMostEndpoints <= kFirstSpare);
static_assert(kMostServices + kMostLate <= 0x10000U);

IpAddress addressAt(Uint128 number) { return IpAddress::fromNumber(Family::kIpv4, number); }

json servicePorts() {
  return json::array({{{"port", kPort}, {"targetPort", 8080}, {"protocol", "TCP"}}});
}

std::string ipObjectName(std::size_t number) {
  return serviceName(number) + "-" + vipOf(number).toString();
}

Result<void> done(const Result<json>& answer) {
  if (!answer) return tl::make_unexpected(answer.error());
  return {};
}

Result<void> createIpObject(kube::Api& api, std::size_t number, const std::string& serviceUid,
                            const std::string& node, WallTime now) {
  const std::string address = vipOf(number).toString();
  model::IpObject ipObject;
  ipObject.key = {kNamespace, ipObjectName(number)};
  ipObject.serviceOwner = model::OwnerReference{"v1", "Service", serviceName(number), serviceUid};
  ipObject.spec = {"bench", address, "IPv4"};
  const auto made = api.create(kube::kIps, kNamespace, model::encodeIpObject(ipObject), {});
  if (!made) return tl::make_unexpected(made.error());
  ipObject.status.phase = "Bound";
  ipObject.status.address = address;
  ipObject.status.pool = "bench";
  ipObject.status.ports = {std::to_string(kPort) + "/TCP"};
  ipObject.status.services = {serviceName(number)};
  json patch = model::ipObjectStatusPatch(ipObject.status,
                                          (*made)["metadata"].value("resourceVersion", ""), now);
  patch["status"]["node"] = node;
  return done(api.patch(kube::kIps, ipObject.key, "status", patch, {}));
}

}  // namespace

IpAddress vipOf(std::size_t number) { return addressAt(kFirstVip + number); }

IpAddress podOf(std::size_t number, std::size_t endpoint) {
  return addressAt(kFirstPod + Uint128{number} * kMostEndpoints + endpoint);
}

IpAddress sparePod(std::size_t spare) { return addressAt(kFirstSpare + spare); }

std::string serviceName(std::size_t number) { return "s" + std::to_string(number); }

std::string clusterServiceName(std::size_t number) { return "c" + std::to_string(number); }

json sliceOf(const std::string& service, const json& endpoints) {
  return {{"apiVersion", kube::kEndpointSlices.apiVersion()},
          {"kind", std::string(kube::kEndpointSlices.kind)},
          {"metadata",
           {{"name", service},
            {"namespace", kNamespace},
            {"labels",
             {{"kubernetes.io/service-name", service},
              {"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"}}}}},
          {"addressType", "IPv4"},
          {"ports", json::array({{{"name", ""}, {"port", 8080}, {"protocol", "TCP"}}})},
          {"endpoints", endpoints}};
}

json endpointsOf(std::size_t number, std::size_t count, const IpAddress* last) {
  json endpoints = json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const IpAddress pod = last != nullptr && i + 1 == count ? *last : podOf(number, i);
    endpoints.push_back({{"addresses", json::array({pod.toString()})},
                         {"conditions", {{"ready", true}, {"serving", true}}},
                         {"nodeName", "elsewhere"}});
  }
  return endpoints;
}

Result<void> createUnserved(kube::Api& api, std::size_t number, std::size_t endpoints,
                            const std::string& node, WallTime now) {
  const std::string name = serviceName(number);
  // What is measured is not node ports: there are too few.
  const auto service = api.create(kube::kServices, kNamespace,
                                  {{"apiVersion", "v1"},
                                   {"kind", "Service"},
                                   {"metadata", {{"name", name}, {"namespace", kNamespace}}},
                                   {"spec",
                                    {{"type", "LoadBalancer"},
                                     {"allocateLoadBalancerNodePorts", false},
                                     {"selector", {{"app", name}}},
                                     {"ports", servicePorts()}}}},
                                  {});
  if (!service) return tl::make_unexpected(service.error());
  if (auto made = createIpObject(api, number, (*service)["metadata"].value("uid", ""), node, now);
      !made) {
    return made;
  }
  return done(api.create(kube::kEndpointSlices, kNamespace,
                         sliceOf(name, endpointsOf(number, endpoints)), {}));
}

Result<void> showAddress(kube::Api& api, std::size_t number, WallTime now) {
  const std::string address = vipOf(number).toString();
  const json condition = {{"type", "barevip.dev/AddressAssigned"},
                          {"status", "True"},
                          {"reason", "Assigned"},
                          {"message", address + " assigned"},
                          {"lastTransitionTime", formatSeconds(now)}};
  return done(api.patch(
      kube::kServices, {kNamespace, serviceName(number)}, "status",
      {{"status",
        {{"loadBalancer", {{"ingress", json::array({{{"ip", address}, {"ipMode", "Proxy"}}})}}},
         {"conditions", json::array({condition})}}}},
      {}));
}

Result<void> removeAll(kube::Api& api, std::size_t number) {
  const std::string name = serviceName(number);
  if (auto gone = api.remove(kube::kServices, {kNamespace, name}, "", {}); !gone) return gone;
  if (auto gone = api.remove(kube::kEndpointSlices, {kNamespace, name}, "", {}); !gone) return gone;
  return api.remove(kube::kIps, {kNamespace, ipObjectName(number)}, "", {});
}

Result<void> createClusterService(kube::Api& api, std::size_t number) {
  const std::string name = clusterServiceName(number);
  const auto service =
      api.create(kube::kServices, kNamespace,
                 {{"apiVersion", "v1"},
                  {"kind", "Service"},
                  {"metadata", {{"name", name}, {"namespace", kNamespace}}},
                  {"spec", {{"selector", {{"app", name}}}, {"ports", servicePorts()}}}},
                 {});
  if (!service) return tl::make_unexpected(service.error());
  return done(
      api.create(kube::kEndpointSlices, kNamespace, sliceOf(name, endpointsOf(number, 1)), {}));
}

Result<void> patchEndpoints(kube::Api& api, const std::string& service, const json& endpoints) {
  return done(
      api.patch(kube::kEndpointSlices, {kNamespace, service}, "", {{"endpoints", endpoints}}, {}));
}

}  // namespace barevip::bench
