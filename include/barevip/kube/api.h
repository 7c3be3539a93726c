// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API as this project uses it: the seam between the reconcilers and an API server.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/kube/object_key.h"

namespace barevip::kube {

struct Selection {
  std::string ns;             ///< empty: all namespaces
  std::string labelSelector;  ///< not yet URL-encoded
  std::string fieldSelector;  ///< not yet URL-encoded
};

struct WatchEvent {
  /// kOpened: the server took the watch; there is no object. Once, before all others.
  /// kListed: of a watch without a version; the objects that there were have all come. Like
  /// kBookmark it has an object whose resourceVersion counts.
  enum class Type : std::uint8_t { kOpened, kAdded, kModified, kDeleted, kBookmark, kListed };
  Type type = Type::kAdded;
};

/// Blocking calls; each returns soon after stop is requested (kStopped). Thread-safe.
/// Errors carry the HTTP status in `detail` and the server's own sentence in `message`.
///
/// One object that cannot be read (no JSON, or longer than 4 MiB) must not keep the others away:
/// lists and watches hand out the beginning of its text instead, as a JSON string, which every
/// decoder refuses. In a watch it comes as kModified.
class Api {
 public:
  using OnItem = std::function<void(const nlohmann::json& object)>;
  using OnEvent = std::function<void(WatchEvent::Type, const nlohmann::json& object)>;

  virtual ~Api() = default;

  /// Lists in pages; onItem runs on the calling thread for each object, whose apiVersion and kind
  /// may be absent. Returns the resourceVersion to watch from. kExpired: start over.
  virtual Result<std::string> list(const Resource& resource, const Selection& selection,
                                   const OnItem& onItem, std::stop_token stop) = 0;

  /// Runs until the server ends the watch (success), an error or stop. onEvent runs on the calling
  /// thread, in order. kExpired (410, as status or as an ERROR event): list again.
  ///
  /// An empty resourceVersion asks for a streamed list (KEP-3157): first all objects as kAdded,
  /// changes meanwhile in between, then kListed, then what follows. What it costs the server does
  /// not grow with the list. kUnsupported: this server has none.
  virtual Result<void> watch(const Resource& resource, const Selection& selection,
                             const std::string& resourceVersion, const OnEvent& onEvent,
                             std::stop_token stop) = 0;

  virtual Result<nlohmann::json> get(const Resource& resource, const ObjectKey& key,
                                     std::stop_token stop) = 0;

  /// A create may reach the server twice when a connection breaks: use fixed names and take
  /// kAlreadyExists for success if the object is ours.
  virtual Result<nlohmann::json> create(const Resource& resource, const std::string& ns,
                                        const nlohmann::json& object, std::stop_token stop) = 0;

  /// PUT with the resourceVersion inside the object: kConflict if it is not the newest.
  virtual Result<nlohmann::json> replace(const Resource& resource, const ObjectKey& key,
                                         const nlohmann::json& object, std::stop_token stop) = 0;

  /// RFC 7386 merge patch. subresource: "" or "status". A resourceVersion inside the patch makes it
  /// conditional: kConflict if it is not the newest.
  virtual Result<nlohmann::json> patch(const Resource& resource, const ObjectKey& key,
                                       const std::string& subresource, const nlohmann::json& patch,
                                       std::stop_token stop) = 0;

  /// uid, if not empty, is a precondition: kConflict if another object has the name now.
  virtual Result<void> remove(const Resource& resource, const ObjectKey& key,
                              const std::string& uid, std::stop_token stop) = 0;
};

}  // namespace barevip::kube
