// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/meta.h"
#include "barevip/model/service.h"

namespace barevip::model {

struct EndpointPort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;

  friend bool operator==(const EndpointPort&, const EndpointPort&) = default;
};

/// `ready`, `serving` and `terminating` with the API's defaults filled in (true, ready, false).
struct Endpoint {
  std::vector<IpAddress> addresses;
  std::string nodeName;  ///< empty if unknown
  bool ready = true;
  bool serving = true;
  bool terminating = false;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct EndpointSlice {
  kube::ObjectKey key;
  std::string serviceName;  ///< label kubernetes.io/service-name; same namespace
  /// The control plane says that it keeps this slice, from the selector of the Service. Of a
  /// Service with a selector it takes away what others wrote under that label.
  bool byController = false;
  Family family = Family::kIpv4;
  std::vector<EndpointPort> ports;
  std::vector<Endpoint> endpoints;

  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

}  // namespace barevip::model
