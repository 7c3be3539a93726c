// SPDX-License-Identifier: Apache-2.0
#include "assigner/request.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace barevip::assigner {
namespace {

constexpr std::size_t kMaxList = 2;    // one of each family
constexpr std::size_t kMaxName = 253;  // RFC 1123 subdomain, as Kubernetes limits names
constexpr std::size_t kMaxShareKey = 63;

std::string annotation(const model::Service& service, std::string_view name) {
  const auto it = service.annotations.find(std::string(name));
  return it == service.annotations.end() ? std::string() : it->second;
}

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
  if (!service.annotations.contains(std::string(model::kShareAnnotation))) return std::string();
  std::string key = trimmed(annotation(service, model::kShareAnnotation));
  if (key.empty() || key.size() > kMaxShareKey) {
    return fail(ErrorCode::kInvalid,
                "annotation barevip.dev/share " +
                    std::string(key.empty() ? "is empty" : "is longer than 63 bytes") +
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

Result<void> readClaims(const std::string& text, Request& request) {
  const std::string source = "annotation " + std::string(model::kIpAnnotation);
  auto parts = splitList(source, text);
  if (!parts) return tl::make_unexpected(std::move(parts.error()));
  for (const std::string& name : *parts) {
    if (name.size() > kMaxName) {
      return fail(ErrorCode::kInvalid, source + " is longer than a name can be");
    }
  }
  if (parts->size() == kMaxList && (*parts)[0] == (*parts)[1]) parts->resize(1);
  request.claims = std::move(*parts);
  return {};
}

}  // namespace

Terms termsOf(const model::Service& service) {
  Terms terms;
  terms.key = readShareKey(service).value_or("");
  for (const model::ServicePort& port : service.ports) {
    terms.ports.push_back({port.protocol, port.port});
  }
  std::sort(terms.ports.begin(), terms.ports.end());
  terms.ports.erase(std::unique(terms.ports.begin(), terms.ports.end()), terms.ports.end());
  if (service.externalTrafficPolicy == model::TrafficPolicy::kLocal) {
    terms.localPods = service.selector;
  }
  return terms;
}

Result<Request> requestOf(const model::Service& service, const model::Namespace* ns) {
  Request request;
  request.service = service.key;
  request.applicant.ns = service.key.ns;
  request.applicant.serviceLabels = service.labels;
  if (ns != nullptr) request.applicant.namespaceLabels = ns->labels;
  request.families = familiesOf(service);
  request.allFamilies = service.ipFamilyPolicy != model::IpFamilyPolicy::kPreferDualStack;
  request.pool = trimmed(annotation(service, model::kPoolAnnotation));
  for (const model::LoadBalancerIngress& entry : service.ingress) {
    if (const auto address = IpAddress::parse(entry.ip)) request.shown.push_back(*address);
  }

  const auto key = readShareKey(service);
  if (!key) return tl::make_unexpected(key.error());
  request.terms = termsOf(service);
  if (request.pool.size() > kMaxName) {
    return fail(ErrorCode::kInvalid, "annotation barevip.dev/pool is longer than a name can be");
  }
  const std::string claims = annotation(service, model::kIpAnnotation);
  const std::string addresses = annotation(service, model::kAddressAnnotation);
  const bool byNumber = !addresses.empty() || !service.loadBalancerIp.empty();
  if (!claims.empty()) {
    if (byNumber || !request.pool.empty()) {
      return fail(ErrorCode::kInvalid,
                  "annotation barevip.dev/ip names the address already: remove "
                  "barevip.dev/address, barevip.dev/pool and spec.loadBalancerIP");
    }
    const auto read = readClaims(claims, request);
    if (!read) return tl::make_unexpected(read.error());
  } else if (!addresses.empty()) {
    const auto read = readAddresses("annotation barevip.dev/address", addresses, request);
    if (!read) return tl::make_unexpected(read.error());
  }
  if (service.loadBalancerIp.empty()) return request;

  const auto legacy = IpAddress::parse(service.loadBalancerIp);
  if (!addresses.empty()) {
    const auto& asked = request.addresses;
    if (!legacy || std::find(asked.begin(), asked.end(), *legacy) == asked.end()) {
      return fail(ErrorCode::kInvalid,
                  "spec.loadBalancerIP and annotation barevip.dev/address ask for different "
                  "addresses: remove spec.loadBalancerIP");
    }
    return request;
  }
  const auto read = readAddresses("spec.loadBalancerIP", service.loadBalancerIp, request);
  if (!read) return tl::make_unexpected(read.error());
  return request;
}

}  // namespace barevip::assigner
