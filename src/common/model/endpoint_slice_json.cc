// SPDX-License-Identifier: Apache-2.0
#include "common/model/endpoint_slice_json.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"
#include "common/model/service_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
constexpr const char* kManagedByLabel = "endpointslice.kubernetes.io/managed-by";
constexpr const char* kController = "endpointslice-controller.k8s.io";

std::vector<EndpointPort> decodePorts(const json& slice) {
  std::vector<EndpointPort> result;
  const json& ports = memberOf(slice, "ports");
  if (!ports.is_array()) return result;
  for (const json& port : ports) {
    const auto protocol = parseProtocol(stringAt(port, "protocol"));
    const auto number = integerAt(port, "port", 1, 65535, 0);
    if (!protocol || number == 0) continue;
    result.push_back({stringAt(port, "name"), *protocol, static_cast<std::uint16_t>(number)});
  }
  return result;
}

Endpoint decodeEndpoint(const json& endpoint, Family family) {
  Endpoint result;
  for (const std::string& text : stringsAt(endpoint, "addresses")) {
    const auto address = IpAddress::parse(text);
    if (address && address->family() == family) result.addresses.push_back(*address);
  }
  result.nodeName = stringAt(endpoint, "nodeName");
  // "nil should be interpreted as true" (ready), "as ready" (serving), "as false" (terminating).
  const json& conditions = memberOf(endpoint, "conditions");
  result.ready = boolAt(conditions, "ready", true);
  result.serving = boolAt(conditions, "serving", result.ready);
  result.terminating = boolAt(conditions, "terminating", false);
  return result;
}

}  // namespace

Result<EndpointSlice> decodeEndpointSlice(const json& object) {
  auto meta = decodeMeta(object, "EndpointSlice", true);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  EndpointSlice slice;
  slice.key = std::move(meta->key);
  slice.serviceName = labelOf(object, kServiceNameLabel);
  // One that a finalizer keeps is not looked at by the control plane any more.
  slice.byController = !meta->deleting && labelOf(object, kManagedByLabel) == kController;
  slice.ports = decodePorts(object);
  const auto family = parseFamily(stringAt(object, "addressType"));
  if (!family) return slice;
  slice.family = *family;
  const json& endpoints = memberOf(object, "endpoints");
  if (!endpoints.is_array()) return slice;
  slice.endpoints.reserve(endpoints.size());
  for (const json& endpoint : endpoints) {
    Endpoint decoded = decodeEndpoint(endpoint, slice.family);
    if (!decoded.addresses.empty()) slice.endpoints.push_back(std::move(decoded));
  }
  return slice;
}

}  // namespace barevip::model
