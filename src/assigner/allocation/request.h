// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/allocation/admission.h"
#include "assigner/allocation/sharing.h"

namespace barevip::assigner {

/// What a Service asks for.
struct Request {
  kube::ObjectKey service;
  Requester requester;
  std::vector<Family> families;        ///< in the Service's order, one or two
  bool allFamilies = true;             ///< false: one of them is enough (PreferDualStack)
  std::string pool;                    ///< empty: any
  std::vector<IpAddress> addresses;    ///< asked for by number; at most one of each family
  std::vector<std::string> ipObjects;  ///< asked for by the names of IP objects
  std::vector<IpAddress> shown;        ///< what the Service shows now: of equals these are kept
  SharingTerms terms;                  ///< on what it wants its addresses

  friend bool operator==(const Request&, const Request&) = default;
};

/// On what the Service wants its addresses. A share key that requestOf refuses reads as none.
[[nodiscard]] SharingTerms termsOf(const model::Service& service);

/// The name of the Pool that the Service asks for; empty: any.
[[nodiscard]] std::string requestedPool(const model::Service& service);

/// The IP objects that the Service names; none if the annotation cannot be read.
[[nodiscard]] std::vector<std::string> requestedIpObjects(const model::Service& service);

[[nodiscard]] bool namesIpObject(const model::Service& service, const std::string& ipObject);

/// Reads spec and annotations. ns: null if the namespace is not known. The error (kInvalid) is the
/// sentence for whoever wrote the Service; it names the annotation that stands there.
[[nodiscard]] Result<Request> requestOf(const model::Service& service, const model::Namespace* ns);

}  // namespace barevip::assigner
