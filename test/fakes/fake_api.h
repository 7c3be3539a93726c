// SPDX-License-Identifier: Apache-2.0
// An API server in memory: state, resourceVersions, watches and faults.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "barevip/kube/api.h"

namespace barevip::kube {

/// What it does as a real server: resourceVersion and generation, 404 and both kinds of 409, 410
/// after expire(), watches from any resourceVersion, streamed lists, status as a subresource
/// (Services, Nodes, Pools, IPs), finalizers, merge patches, a patch without effect changes
/// nothing, label selectors
/// (=, ==, !=, key, !key; comma) and field selectors (path=value).
/// What it does not: schemas, defaults, admission, RBAC, paging, garbage collection by itself.
///
/// Thread-safe. Stop the callers of watch() before it is destroyed.
class FakeApi final : public Api {
 public:
  enum class Verb : std::uint8_t {
    kList,
    kWatch,
    kGet,
    kCreate,
    kReplace,
    kPatch,
    kPatchStatus,
    kDelete
  };

  struct Write {
    Verb verb = Verb::kCreate;
    Resource resource;
    ObjectKey key;
    nlohmann::json body;  ///< as sent; null for a delete
  };

  /// Called before each request, without a lock, on the caller's thread. An error is what the
  /// caller gets. The key of a list or watch has the namespace only. A streamed list comes as a
  /// kList, and as a kWatch when it is complete.
  using Interceptor = std::function<std::optional<Error>(Verb, const Resource&, const ObjectKey&)>;
  void setInterceptor(Interceptor interceptor);
  /// As a server before Kubernetes 1.32: kUnsupported.
  void refuseStreamedLists();

  // The test's own hands: no interceptor, not logged, status included. Watches see all of it.

  /// Creates the object or puts it in the place of the one with its name. Fills in uid,
  /// resourceVersion and creationTimestamp unless they are there. Returns it as stored.
  nlohmann::json put(const Resource& resource, nlohmann::json object);
  void erase(const Resource& resource, const ObjectKey& key);
  [[nodiscard]] std::optional<nlohmann::json> object(const Resource& resource,
                                                     const ObjectKey& key) const;
  [[nodiscard]] std::vector<nlohmann::json> objects(const Resource& resource) const;
  /// Deletes, until none is left, what names owners of which none exists any more.
  void collectGarbage();

  /// Forgets history: running watches end with kExpired, so do those from a version
  /// before the newest.
  void expire();
  /// Running watches end as a broken connection does: kUnavailable.
  void cutWatches();
  /// Running watches end with this error, as one in an ERROR event.
  void failWatches(Error error);
  /// Running watches end as the server's own timeout does: success.
  void endWatches();
  /// Sends a bookmark with the newest version to every running watch.
  void sendBookmarks();
  [[nodiscard]] std::size_t runningWatches() const;

  /// The first change of the resource after `version`, which moves on; nullopt: there is none yet.
  /// A watch for tests without threads.
  std::optional<std::pair<WatchEvent::Type, nlohmann::json>> next(const Resource& resource,
                                                                  std::uint64_t& version) const;

  /// Successful and failed writes since the start or clearWrites(), in order.
  [[nodiscard]] std::vector<Write> writes() const;
  [[nodiscard]] std::size_t writeCount() const;
  void clearWrites();
  /// Waits until `condition` holds, looked at after each change. False after a minute: only a fault
  /// takes that long.
  [[nodiscard]] bool waitFor(const std::function<bool()>& condition) const;

  Result<std::string> list(const Resource& resource, const Selection& selection,
                           const OnItem& onItem, std::stop_token stop) override;
  Result<void> watch(const Resource& resource, const Selection& selection,
                     const std::string& resourceVersion, const OnEvent& onEvent,
                     std::stop_token stop) override;
  Result<nlohmann::json> get(const Resource& resource, const ObjectKey& key,
                             std::stop_token stop) override;
  Result<nlohmann::json> create(const Resource& resource, const std::string& ns,
                                const nlohmann::json& object, std::stop_token stop) override;
  Result<nlohmann::json> replace(const Resource& resource, const ObjectKey& key,
                                 const nlohmann::json& object, std::stop_token stop) override;
  Result<nlohmann::json> patch(const Resource& resource, const ObjectKey& key,
                               const std::string& subresource, const nlohmann::json& patch,
                               std::stop_token stop) override;
  Result<void> remove(const Resource& resource, const ObjectKey& key, const std::string& uid,
                      std::stop_token stop) override;

 private:
  using Objects = std::map<ObjectKey, nlohmann::json>;

  /// One change in the history. before or after is null on add and delete.
  struct Change {
    std::uint64_t version = 0;
    std::string collection;
    nlohmann::json before;
    nlohmann::json after;
  };

  std::optional<Error> intercept(Verb verb, const Resource& resource, const ObjectKey& key,
                                 const std::stop_token& stop);
  Result<std::uint64_t> streamList(const Resource& resource, const Selection& selection,
                                   const OnEvent& onEvent, const std::stop_token& stop);
  void logWrite(Verb verb, const Resource& resource, const ObjectKey& key,
                const nlohmann::json& body);
  void endAll(Result<void> how);
  // With mutex_ held:
  nlohmann::json store(const Resource& resource, nlohmann::json object);
  void drop(const Resource& resource, const ObjectKey& key);
  [[nodiscard]] const nlohmann::json* find(const Resource& resource, const ObjectKey& key) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  Interceptor interceptor_;
  std::map<std::string, Objects> collections_;  ///< by "group/plural"
  std::vector<Change> history_;
  std::uint64_t version_ = 100;
  std::uint64_t oldestVersion_ = 0;  ///< watches from before it are expired
  std::uint64_t uids_ = 0;
  std::uint64_t watchEnds_ = 0;  ///< grows each time that all watches are ended
  Result<void> watchEnd_;        ///< how they were ended
  std::uint64_t bookmarks_ = 0;
  std::size_t runningWatches_ = 0;
  std::vector<Write> writes_;
  bool streamsLists_ = true;
};

}  // namespace barevip::kube
