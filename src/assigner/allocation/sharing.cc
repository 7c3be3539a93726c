// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/sharing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <system_error>

#include "assigner/allocation/refusal.h"

namespace barevip::assigner {
namespace {

constexpr std::array kProtocols{model::Protocol::kTcp, model::Protocol::kUdp,
                                model::Protocol::kSctp};

// The first port that both have, if any.
const Port* firstCommon(const std::vector<Port>& a, const std::vector<Port>& b) {
  auto mine = a.begin();
  auto theirs = b.begin();
  while (mine != a.end() && theirs != b.end()) {
    if (*mine == *theirs) return &*mine;
    *mine < *theirs ? ++mine : ++theirs;
  }
  return nullptr;
}

// One node announces an address. Two Services whose traffic stays on the node must both have pods
// there, which is sure only if the pods are the same.
bool podsAgree(const SharingTerms& a, const SharingTerms& b) {
  if (!a.localPods || !b.localPods) return true;
  return !a.localPods->empty() && *a.localPods == *b.localPods;
}

bool forwardersAgree(const SharingTerms& a, const SharingTerms& b) {
  return a.by == b.by || a.by == Forwarder::kNobody || b.by == Forwarder::kNobody;
}

std::string with(const ServiceConsumer& other, const kube::ObjectKey& service) {
  return "with " + namesFor(service, {other});
}

}  // namespace

std::string Port::toString() const {
  return std::to_string(number) + "/" + std::string(model::toString(protocol));
}

std::optional<Port> Port::parse(std::string_view text) {
  Port port;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port.number);
  if (error != std::errc() || port.number == 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  for (const model::Protocol protocol : kProtocols) {
    if (text.starts_with('/') && text.substr(1) == model::toString(protocol)) {
      port.protocol = protocol;
      return port;
    }
  }
  return std::nullopt;
}

bool hasOthers(const kube::ObjectKey& service, const std::vector<ServiceConsumer>& users) {
  return std::any_of(users.begin(), users.end(),
                     [&](const ServiceConsumer& each) { return each.service != service; });
}

std::string namesOf(const std::vector<ServiceConsumer>& users, const kube::ObjectKey& service) {
  std::string text;
  std::size_t more = 0;
  for (const ServiceConsumer& user : users) {
    if (user.service == service) continue;
    if (text.empty()) {
      text = "Service " + user.service.toString();
    } else {
      ++more;
    }
  }
  return more == 0 ? text : text + " and " + std::to_string(more) + " more";
}

std::string namesFor(const kube::ObjectKey& service, const std::vector<ServiceConsumer>& users) {
  std::vector<ServiceConsumer> near;
  std::copy_if(users.begin(), users.end(), std::back_inserter(near),
               [&](const ServiceConsumer& user) {
                 return user.service.ns == service.ns && user.service != service;
               });
  const std::string names = namesOf(near);
  const bool far = std::any_of(users.begin(), users.end(), [&](const ServiceConsumer& user) {
    return user.service.ns != service.ns;
  });
  if (!far) return names;
  return names.empty() ? "a Service of another namespace" : names + " and others";
}

bool agreeOnKey(const kube::ObjectKey& service, const std::string& key,
                const std::vector<ServiceConsumer>& users) {
  return std::all_of(users.begin(), users.end(), [&](const ServiceConsumer& each) {
    return each.service == service || (!key.empty() && each.terms.key == key);
  });
}

std::optional<std::string> refusalToJoin(const kube::ObjectKey& service,
                                         const std::vector<ServiceConsumer>& users,
                                         const std::string& pool, model::AllowSharing allow) {
  for (const ServiceConsumer& other : users) {
    if (other.service == service || allow == model::AllowSharing::kCluster) continue;
    if (allow == model::AllowSharing::kNamespace && other.service.ns == service.ns) continue;
    return with(other, service) + ": spec.allowSharing of Pool " + quoted(pool) + " is " +
           std::string(model::toString(allow));
  }
  return std::nullopt;
}

bool forwardedOtherwise(const kube::ObjectKey& service, const SharingTerms& terms,
                        const std::vector<ServiceConsumer>& users) {
  return std::any_of(users.begin(), users.end(), [&](const ServiceConsumer& other) {
    return other.service != service && !forwardersAgree(terms, other.terms);
  });
}

std::optional<std::string> clash(const kube::ObjectKey& service, const SharingTerms& terms,
                                 const std::vector<ServiceConsumer>& users) {
  for (const ServiceConsumer& other : users) {
    if (other.service == service) continue;
    if (const Port* const port = firstCommon(terms.ports, other.terms.ports)) {
      return with(other, service) + ": it has the port " + port->toString();
    }
    if (!podsAgree(terms, other.terms)) {
      return with(other, service) +
             ": both have externalTrafficPolicy Local, and without one and the same spec.selector "
             "no node is sure to have pods of both";
    }
    if (!forwardersAgree(terms, other.terms)) {
      return with(other, service) +
             ": kube-proxy forwards one of them and IPVS the other, see the "
             "annotation barevip.dev/forward";
    }
  }
  return std::nullopt;
}

SharingTerms whatFits(const kube::ObjectKey& service, SharingTerms terms,
                      const std::vector<ServiceConsumer>& users) {
  for (const ServiceConsumer& other : users) {
    if (other.service == service) continue;
    const std::vector<Port>& taken = other.terms.ports;
    std::erase_if(terms.ports, [&](const Port& port) {
      return std::binary_search(taken.begin(), taken.end(), port);
    });
    if (!podsAgree(terms, other.terms)) terms.localPods.reset();
    if (!forwardersAgree(terms, other.terms)) terms.by = Forwarder::kNobody;
  }
  return terms;
}

}  // namespace barevip::assigner
