// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/request.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace barevip::assigner {
namespace {

constexpr std::size_t kMaxList = 2;    // one of each family
constexpr std::size_t kMaxName = 253;  // RFC 1123 subdomain, as Kubernetes limits names
constexpr std::size_t kMaxShareKey = 63;

constexpr const char* kLegacyField = "spec.loadBalancerIP";

struct Annotation {
  std::string name;  ///< as it stands in the Service, for messages
  std::string value;
};

// By our name; empty if there is none.
Annotation annotation(const model::Service& service, std::string_view name) {
  const std::string own(name);
  const auto value = service.annotations.find(own);
  if (value == service.annotations.end()) return {};
  const auto written = service.writtenAs.find(own);
  return {written == service.writtenAs.end() ? own : written->second, value->second};
}

std::string sourceOf(const Annotation& annotation) { return "annotation " + annotation.name; }

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\n") - first + 1));
}

// The parts of a comma list. An empty part is an error, since it is a slip of the pen.
Result<std::vector<std::string>> splitList(const std::string& source, std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const auto comma = text.find(',');
    parts.push_back(trimmed(text.substr(0, comma)));
    if (parts.back().empty()) {
      return fail(ErrorCode::kInvalid, source +
                                           " has an empty entry: write one value, or two "
                                           "with a comma between");
    }
    if (parts.size() > kMaxList) {
      return fail(ErrorCode::kInvalid,
                  source + " has more than two entries: a Service has one address of each family");
    }
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// Empty without the annotation.
Result<std::string> readShareKey(const model::Service& service) {
  const Annotation written = annotation(service, model::kShareAnnotation);
  if (written.name.empty()) return std::string();
  std::string key = trimmed(written.value);
  if (key.empty() || key.size() > kMaxShareKey) {
    return fail(ErrorCode::kInvalid,
                sourceOf(written) + (key.empty() ? " is empty" : " is longer than 63 bytes") +
                    ": write the same short word on each Service that shares the address, or "
                    "remove it");
  }
  return key;
}

std::vector<Family> familiesOf(const model::Service& service) {
  std::vector<Family> families = service.ipFamilies;
  if (families.empty()) {
    for (const IpAddress& address : service.clusterIps) families.push_back(address.family());
  }
  if (families.empty()) families.push_back(Family::kIpv4);
  const bool single = service.ipFamilyPolicy == model::IpFamilyPolicy::kSingleStack;
  if (single || (families.size() > 1 && families[0] == families[1])) families.resize(1);
  if (families.size() > kMaxList) families.resize(kMaxList);
  return families;
}

Result<void> readAddresses(const std::string& source, const std::string& text, Request& request) {
  const auto parts = splitList(source, text);
  if (!parts) return tl::make_unexpected(parts.error());
  for (const std::string& part : *parts) {
    const auto address = IpAddress::parse(part);
    if (!address) return fail(ErrorCode::kInvalid, source + ": " + address.error().message);
    const auto& families = request.families;
    if (std::find(families.begin(), families.end(), address->family()) == families.end()) {
      return fail(ErrorCode::kInvalid, source + " asks for " + address->toString() +
                                           ", but the Service has no " +
                                           std::string(toString(address->family())) +
                                           ": see its spec.ipFamilies and spec.ipFamilyPolicy");
    }
    const bool twice =
        std::any_of(request.addresses.begin(), request.addresses.end(),
                    [&](const IpAddress& other) { return other.family() == address->family(); });
    if (twice) {
      return fail(ErrorCode::kInvalid, source + " asks for two addresses of family " +
                                           std::string(toString(address->family())) +
                                           ": a Service has one address of each family");
    }
    request.addresses.push_back(*address);
  }
  return {};
}

Result<void> readIpObjects(const Annotation& ipObjects, Request& request) {
  const std::string source = sourceOf(ipObjects);
  auto parts = splitList(source, ipObjects.value);
  if (!parts) return tl::make_unexpected(std::move(parts.error()));
  for (const std::string& name : *parts) {
    if (name.size() > kMaxName) {
      return fail(ErrorCode::kInvalid, source + " is longer than a name can be");
    }
  }
  if (parts->size() == kMaxList && (*parts)[0] == (*parts)[1]) parts->resize(1);
  request.ipObjects = std::move(*parts);
  return {};
}

// The names of an IP object say it all: whatever else asks for an address contradicts them.
Result<void> checkAlone(const Annotation& ipObjects, const std::vector<std::string>& others) {
  if (others.empty()) return {};
  std::string list;
  for (const std::string& other : others) list += (list.empty() ? "" : " and ") + other;
  return fail(ErrorCode::kInvalid,
              sourceOf(ipObjects) + " names the address already: remove " + list);
}

Result<void> readPool(const model::Service& service, Request& request) {
  request.pool = requestedPool(service);
  if (request.pool.size() <= kMaxName) return {};
  return fail(ErrorCode::kInvalid, sourceOf(annotation(service, model::kPoolAnnotation)) +
                                       " is longer than a name can be");
}

// Which addresses are requested, by number or by name.
Result<void> readWhich(const model::Service& service, Request& request) {
  const Annotation pool = annotation(service, model::kPoolAnnotation);
  const Annotation ipObjects = annotation(service, model::kIpAnnotation);
  const Annotation addresses = annotation(service, model::kAddressAnnotation);
  const std::string& legacyField = service.loadBalancerIp;

  if (!ipObjects.value.empty()) {
    std::vector<std::string> others;
    if (!addresses.value.empty()) others.push_back(addresses.name);
    if (!request.pool.empty()) others.push_back(pool.name);
    if (!legacyField.empty()) others.emplace_back(kLegacyField);
    const auto alone = checkAlone(ipObjects, others);
    return alone ? readIpObjects(ipObjects, request) : alone;
  }
  if (addresses.value.empty()) {
    return legacyField.empty() ? Result<void>() : readAddresses(kLegacyField, legacyField, request);
  }
  const auto read = readAddresses(sourceOf(addresses), addresses.value, request);
  if (!read || legacyField.empty()) return read;
  const auto legacy = IpAddress::parse(legacyField);
  const auto& asked = request.addresses;
  if (!legacy || std::find(asked.begin(), asked.end(), *legacy) == asked.end()) {
    return fail(ErrorCode::kInvalid, std::string(kLegacyField) + " and " + sourceOf(addresses) +
                                         " ask for different addresses: remove " + kLegacyField);
  }
  return {};
}

}  // namespace

std::string requestedPool(const model::Service& service) {
  return trimmed(annotation(service, model::kPoolAnnotation).value);
}

std::vector<std::string> requestedIpObjects(const model::Service& service) {
  const Annotation ipObjects = annotation(service, model::kIpAnnotation);
  if (ipObjects.value.empty()) return {};
  return splitList(sourceOf(ipObjects), ipObjects.value).value_or(std::vector<std::string>{});
}

bool namesIpObject(const model::Service& service, const std::string& ipObject) {
  const auto ipObjects = requestedIpObjects(service);
  return std::find(ipObjects.begin(), ipObjects.end(), ipObject) != ipObjects.end();
}

SharingTerms termsOf(const model::Service& service) {
  SharingTerms terms;
  terms.key = readShareKey(service).value_or("");
  for (const model::ServicePort& port : service.ports) {
    terms.ports.push_back({port.protocol, port.port});
  }
  std::sort(terms.ports.begin(), terms.ports.end());
  terms.ports.erase(std::unique(terms.ports.begin(), terms.ports.end()), terms.ports.end());
  if (service.externalTrafficPolicy == model::TrafficPolicy::kLocal) {
    terms.localPods = service.selector;
  }
  if (model::refusalToForward(service)) {
    terms.by = Forwarder::kNobody;
  } else if (service.forward == model::ForwardMode::kKubeProxy) {
    terms.by = Forwarder::kKubeProxy;
  }
  return terms;
}

Result<Request> requestOf(const model::Service& service, const model::Namespace* ns) {
  Request request;
  request.service = service.key;
  request.requester = requesterOf(service, ns);
  request.families = familiesOf(service);
  request.allFamilies = service.ipFamilyPolicy != model::IpFamilyPolicy::kPreferDualStack;
  for (const model::LoadBalancerIngress& entry : service.ingress) {
    if (const auto address = IpAddress::parse(entry.ip)) request.shown.push_back(*address);
  }
  if (service.oversized) {
    return fail(ErrorCode::kInvalid,
                "the Service's labels, selector, ports and barevip.dev annotations are too many: "
                "beyond 4 KiB for each Service, those of a namespace have 1 MiB together and one "
                "Service 256 KiB; remove some");
  }
  request.terms = termsOf(service);
  // All at once: whoever mends one would else meet the next.
  std::string faults;
  const auto note = [&faults](const auto& read) {
    if (!read) faults += (faults.empty() ? "" : "; ") + read.error().message;
  };
  note(readShareKey(service));
  note(readPool(service, request));
  note(readWhich(service, request));
  if (!faults.empty()) return fail(ErrorCode::kInvalid, faults);
  return request;
}

}  // namespace barevip::assigner
