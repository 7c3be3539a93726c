// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

namespace barevip::kube {
namespace {

using nlohmann::json;

std::string collectionOf(const Resource& resource) {
  return std::string(resource.group) + "/" + std::string(resource.plural);
}

ObjectKey keyOf(const Resource& resource, const json& object) {
  const json& meta = object.at("metadata");
  return {resource.namespaced ? meta.value("namespace", "default") : std::string(),
          meta.at("name").get<std::string>()};
}

// A second after the one before, as no two objects of a test are made at once.
std::string instantOf(std::uint64_t count) {
  const auto two = [](std::uint64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  return "2030-01-" + two(1 + count / 86'400 % 31) + "T" + two(count / 3'600 % 24) + ":" +
         two(count / 60 % 60) + ":" + two(count % 60) + "Z";
}

bool hasStatus(const Resource& resource) {
  static constexpr std::array kWith{kServices, kNodes, kNamespaces, kPools, kIps};
  return std::find(kWith.begin(), kWith.end(), resource) != kWith.end();
}

std::string nameOf(const Resource& resource, const ObjectKey& key) {
  std::string group = resource.group.empty() ? "" : "." + std::string(resource.group);
  return std::string(resource.plural) + group + " \"" + key.name + "\"";
}

tl::unexpected<Error> notFound(const Resource& resource, const ObjectKey& key) {
  return fail(ErrorCode::kNotFound, nameOf(resource, key) + " not found", 404);
}

tl::unexpected<Error> conflict(const Resource& resource, const ObjectKey& key) {
  return fail(ErrorCode::kConflict,
              "Operation cannot be fulfilled on " + nameOf(resource, key) +
                  ": the object has been modified; please apply your changes to the latest version "
                  "and try again",
              409);
}

Error expired() { return {ErrorCode::kExpired, "too old resource version", 410, {}}; }

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    if (!part.empty()) result.push_back(part);
  }
  return result;
}

// The text at a dotted path ("metadata.name"), empty if there is none.
std::string textAt(const json& object, const std::string& path) {
  const json* at = &object;
  std::istringstream in(path);
  for (std::string part; std::getline(in, part, '.');) {
    if (!at->is_object() || !at->contains(part)) return {};
    at = &at->at(part);
  }
  return at->is_string() ? at->get<std::string>() : std::string();
}

bool labelHolds(const json& labels, const std::string& requirement) {
  const auto valueOf = [&](const std::string& key) -> std::optional<std::string> {
    if (!labels.contains(key)) return std::nullopt;
    return labels.at(key).get<std::string>();
  };
  if (const auto at = requirement.find("!="); at != std::string::npos) {
    return valueOf(requirement.substr(0, at)) != requirement.substr(at + 2);
  }
  if (const auto at = requirement.find('='); at != std::string::npos) {
    const std::size_t end = requirement.find_first_not_of('=', at);
    const std::string wanted = end == std::string::npos ? "" : requirement.substr(end);
    return valueOf(requirement.substr(0, at)) == wanted;
  }
  if (requirement.front() == '!') return !valueOf(requirement.substr(1));
  return valueOf(requirement).has_value();
}

bool selects(const Selection& selection, const json& object) {
  if (object.is_null()) return false;
  const json& meta = object.at("metadata");
  if (!selection.ns.empty() && meta.value("namespace", "") != selection.ns) return false;
  const json labels = meta.value("labels", json::object());
  for (const std::string& requirement : split(selection.labelSelector)) {
    if (!labelHolds(labels, requirement)) return false;
  }
  for (const std::string& requirement : split(selection.fieldSelector)) {
    const auto at = requirement.find('=');
    if (textAt(object, requirement.substr(0, at)) != requirement.substr(at + 1)) return false;
  }
  return true;
}

// What a watch tells of a change; nullopt: the selection has nothing to do with it.
std::optional<std::pair<WatchEvent::Type, json>> eventOf(const Selection& selection,
                                                         const json& before, const json& after,
                                                         std::uint64_t version) {
  const bool had = selects(selection, before);
  if (selects(selection, after)) {
    return std::pair(had ? WatchEvent::Type::kModified : WatchEvent::Type::kAdded, after);
  }
  if (!had) return std::nullopt;
  json last = before;
  last["metadata"]["resourceVersion"] = std::to_string(version);
  return std::pair(WatchEvent::Type::kDeleted, std::move(last));
}

json bookmark(const Resource& resource, const std::string& version) {
  return {{"kind", std::string(resource.kind)},
          {"apiVersion", resource.apiVersion()},
          {"metadata", {{"resourceVersion", version}}}};
}

// The resourceVersion that a write was made from, empty if it does not care.
std::string baseVersion(const json& object) { return textAt(object, "metadata.resourceVersion"); }

}  // namespace

void FakeApi::setInterceptor(Interceptor interceptor) {
  const std::lock_guard lock(mutex_);
  interceptor_ = std::move(interceptor);
}

void FakeApi::refuseStreamedLists() {
  const std::lock_guard lock(mutex_);
  streamsLists_ = false;
}

json FakeApi::put(const Resource& resource, json object) {
  const std::lock_guard lock(mutex_);
  return store(resource, std::move(object));
}

void FakeApi::erase(const Resource& resource, const ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  drop(resource, key);
}

std::optional<json> FakeApi::object(const Resource& resource, const ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const json* found = find(resource, key);
  return found == nullptr ? std::nullopt : std::optional<json>(*found);
}

std::vector<json> FakeApi::objects(const Resource& resource) const {
  const std::lock_guard lock(mutex_);
  std::vector<json> result;
  const auto it = collections_.find(collectionOf(resource));
  if (it == collections_.end()) return result;
  for (const auto& [key, object] : it->second) result.push_back(object);
  return result;
}

void FakeApi::collectGarbage() {
  const std::lock_guard lock(mutex_);
  for (bool again = true; again;) {
    again = false;
    std::set<std::string> uids;
    for (const auto& [name, all] : collections_) {
      for (const auto& [key, object] : all) uids.insert(textAt(object, "metadata.uid"));
    }
    for (auto& [name, all] : collections_) {
      for (auto it = all.begin(); it != all.end();) {
        const json owners = it->second["metadata"].value("ownerReferences", json::array());
        const bool orphan =
            !owners.empty() && std::none_of(owners.begin(), owners.end(), [&](const json& owner) {
              return uids.contains(owner.value("uid", ""));
            });
        if (!orphan) {
          ++it;
          continue;
        }
        json before = std::move(it->second);
        it = all.erase(it);
        history_.push_back({++version_, name, std::move(before), nullptr});
        again = true;
      }
    }
  }
  changed_.notify_all();
}

void FakeApi::expire() {
  {
    const std::lock_guard lock(mutex_);
    oldestVersion_ = version_;
    history_.clear();
  }
  failWatches(expired());
}

void FakeApi::cutWatches() { endAll(fail(ErrorCode::kUnavailable, "the connection was cut")); }

void FakeApi::failWatches(Error error) { endAll(tl::make_unexpected(std::move(error))); }

void FakeApi::endWatches() { endAll({}); }

void FakeApi::endAll(Result<void> how) {
  const std::lock_guard lock(mutex_);
  watchEnd_ = std::move(how);
  ++watchEnds_;
  changed_.notify_all();
}

void FakeApi::sendBookmarks() {
  const std::lock_guard lock(mutex_);
  ++bookmarks_;
  changed_.notify_all();
}

std::size_t FakeApi::runningWatches() const {
  const std::lock_guard lock(mutex_);
  return runningWatches_;
}

std::optional<std::pair<WatchEvent::Type, json>> FakeApi::next(const Resource& resource,
                                                               std::uint64_t& version) const {
  const std::string collection = collectionOf(resource);
  const std::lock_guard lock(mutex_);
  // The history has each version once.
  const std::uint64_t oldest = history_.empty() ? version_ + 1 : history_.front().version;
  for (std::size_t i = version < oldest ? 0 : version + 1 - oldest; i < history_.size(); ++i) {
    const Change& change = history_[i];
    version = change.version;
    if (change.collection == collection) {
      return eventOf({}, change.before, change.after, change.version);
    }
  }
  return std::nullopt;
}

std::vector<FakeApi::Write> FakeApi::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

std::size_t FakeApi::writeCount() const {
  const std::lock_guard lock(mutex_);
  return writes_.size();
}

void FakeApi::clearWrites() {
  const std::lock_guard lock(mutex_);
  writes_.clear();
}

bool FakeApi::waitFor(const std::function<bool()>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::unique_lock lock(mutex_);
    // The condition may depend on more than this server, so it is looked at without a change too.
    changed_.wait_for(lock, std::chrono::milliseconds(2));
  }
  return true;
}

std::optional<Error> FakeApi::intercept(Verb verb, const Resource& resource, const ObjectKey& key,
                                        const std::stop_token& stop) {
  if (stop.stop_requested()) return Error{ErrorCode::kStopped, "stopped", 0, {}};
  Interceptor interceptor;
  {
    const std::lock_guard lock(mutex_);
    interceptor = interceptor_;
  }
  return interceptor ? interceptor(verb, resource, key) : std::nullopt;
}

void FakeApi::logWrite(Verb verb, const Resource& resource, const ObjectKey& key,
                       const json& body) {
  const std::lock_guard lock(mutex_);
  writes_.push_back({verb, resource, key, body});
  changed_.notify_all();
}

const json* FakeApi::find(const Resource& resource, const ObjectKey& key) const {
  const auto all = collections_.find(collectionOf(resource));
  if (all == collections_.end()) return nullptr;
  const auto it = all->second.find(key);
  return it == all->second.end() ? nullptr : &it->second;
}

json FakeApi::store(const Resource& resource, json object) {
  const ObjectKey key = keyOf(resource, object);
  json& slot = collections_[collectionOf(resource)][key];
  json& meta = object["metadata"];
  object["apiVersion"] = resource.apiVersion();
  object["kind"] = std::string(resource.kind);
  if (resource.namespaced) meta["namespace"] = key.ns;
  const std::uint64_t version = ++version_;
  meta["resourceVersion"] = std::to_string(version);
  const json& oldMeta = slot.is_null() ? json::object() : slot.at("metadata");
  for (const char* kept : {"uid", "creationTimestamp"}) {
    if (!meta.contains(kept) && oldMeta.contains(kept)) meta[kept] = oldMeta.at(kept);
  }
  if (!meta.contains("uid")) meta["uid"] = "uid-" + std::to_string(++uids_);
  if (!meta.contains("creationTimestamp")) meta["creationTimestamp"] = instantOf(uids_);
  if (slot.is_null()) {
    if (!meta.contains("generation")) meta["generation"] = 1;
  } else {
    const int generation = oldMeta.value("generation", 1);
    const bool same = slot.value("spec", json()) == object.value("spec", json());
    meta["generation"] = same ? generation : generation + 1;
  }
  history_.push_back({version, collectionOf(resource), slot, object});
  slot = object;
  changed_.notify_all();
  return object;
}

void FakeApi::drop(const Resource& resource, const ObjectKey& key) {
  auto& all = collections_[collectionOf(resource)];
  const auto it = all.find(key);
  if (it == all.end()) return;
  json before = std::move(it->second);
  all.erase(it);
  history_.push_back({++version_, collectionOf(resource), std::move(before), nullptr});
  changed_.notify_all();
}

Result<std::string> FakeApi::list(const Resource& resource, const Selection& selection,
                                  const OnItem& onItem, std::stop_token stop) {
  if (auto error = intercept(Verb::kList, resource, {selection.ns, ""}, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  std::vector<json> selected;
  std::string version;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, object] : collections_[collectionOf(resource)]) {
      if (selects(selection, object)) selected.push_back(object);
    }
    version = std::to_string(version_);
  }
  for (const json& object : selected) onItem(object);
  return version;
}

// The version up to which everything was told.
Result<std::uint64_t> FakeApi::streamList(const Resource& resource, const Selection& selection,
                                          const OnEvent& onEvent, const std::stop_token& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (!streamsLists_) {
      return fail(ErrorCode::kUnsupported, "sendInitialEvents is forbidden for watch", 422);
    }
  }
  onEvent(WatchEvent::Type::kOpened, nullptr);
  const auto version = list(
      resource, selection, [&](const json& object) { onEvent(WatchEvent::Type::kAdded, object); },
      stop);
  if (!version) return tl::make_unexpected(version.error());
  onEvent(WatchEvent::Type::kListed, bookmark(resource, *version));
  return std::stoull(*version);
}

Result<void> FakeApi::watch(const Resource& resource, const Selection& selection,
                            const std::string& resourceVersion, const OnEvent& onEvent,
                            std::stop_token stop) {
  std::uint64_t seen = 0;
  if (resourceVersion.empty()) {
    auto listed = streamList(resource, selection, onEvent, stop);
    if (!listed) return tl::make_unexpected(std::move(listed.error()));
    seen = *listed;
  }
  if (auto error = intercept(Verb::kWatch, resource, {selection.ns, ""}, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  std::from_chars(resourceVersion.data(), resourceVersion.data() + resourceVersion.size(), seen);
  const std::string collection = collectionOf(resource);
  std::unique_lock lock(mutex_);
  if (seen < oldestVersion_) return tl::make_unexpected(expired());
  const std::uint64_t ends = watchEnds_;
  std::uint64_t bookmarks = bookmarks_;
  ++runningWatches_;
  changed_.notify_all();
  if (!resourceVersion.empty()) {
    lock.unlock();
    onEvent(WatchEvent::Type::kOpened, nullptr);
    lock.lock();
  }
  Result<void> result;
  while (true) {
    changed_.wait(lock, stop, [&] {
      return watchEnds_ != ends || bookmarks_ != bookmarks ||
             (!history_.empty() && history_.back().version > seen);
    });
    if (stop.stop_requested()) {
      result = fail(ErrorCode::kStopped, "stopped");
      break;
    }
    std::vector<std::pair<WatchEvent::Type, json>> events;
    for (const Change& change : history_) {
      if (change.version <= seen || change.collection != collection) continue;
      auto event = eventOf(selection, change.before, change.after, change.version);
      if (event) events.push_back(std::move(*event));
    }
    if (!history_.empty()) seen = std::max(seen, history_.back().version);
    if (bookmarks_ != bookmarks) {
      bookmarks = bookmarks_;
      events.emplace_back(WatchEvent::Type::kBookmark, bookmark(resource, std::to_string(seen)));
    }
    const bool ended = watchEnds_ != ends;
    const Result<void> how = watchEnd_;
    lock.unlock();
    for (const auto& [type, object] : events) onEvent(type, object);
    lock.lock();
    if (!ended) continue;
    result = how;
    break;
  }
  --runningWatches_;
  changed_.notify_all();
  return result;
}

Result<json> FakeApi::get(const Resource& resource, const ObjectKey& key, std::stop_token stop) {
  if (auto error = intercept(Verb::kGet, resource, key, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  const std::lock_guard lock(mutex_);
  const json* found = find(resource, key);
  if (found == nullptr) return notFound(resource, key);
  return *found;
}

Result<json> FakeApi::create(const Resource& resource, const std::string& ns, const json& object,
                             std::stop_token stop) {
  json made = object;
  if (resource.namespaced) made["metadata"]["namespace"] = ns;
  const ObjectKey key = keyOf(resource, made);
  logWrite(Verb::kCreate, resource, key, object);
  if (auto error = intercept(Verb::kCreate, resource, key, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  const std::lock_guard lock(mutex_);
  if (find(resource, key) != nullptr) {
    return fail(ErrorCode::kAlreadyExists, nameOf(resource, key) + " already exists", 409);
  }
  for (const char* servers : {"uid", "resourceVersion", "creationTimestamp", "generation"}) {
    made["metadata"].erase(servers);
  }
  if (hasStatus(resource)) made.erase("status");
  return store(resource, std::move(made));
}

Result<json> FakeApi::replace(const Resource& resource, const ObjectKey& key, const json& object,
                              std::stop_token stop) {
  logWrite(Verb::kReplace, resource, key, object);
  if (auto error = intercept(Verb::kReplace, resource, key, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  const std::lock_guard lock(mutex_);
  const json* found = find(resource, key);
  if (found == nullptr) return notFound(resource, key);
  const std::string base = baseVersion(object);
  if (!base.empty() && base != baseVersion(*found)) return conflict(resource, key);
  json next = object;
  for (const char* servers : {"uid", "creationTimestamp"}) {
    next["metadata"][servers] = found->at("metadata").at(servers);
  }
  if (hasStatus(resource)) {
    next.erase("status");
    if (found->contains("status")) next["status"] = found->at("status");
  }
  return store(resource, std::move(next));
}

Result<json> FakeApi::patch(const Resource& resource, const ObjectKey& key,
                            const std::string& subresource, const json& patch,
                            std::stop_token stop) {
  const bool status = subresource == "status";
  const Verb verb = status ? Verb::kPatchStatus : Verb::kPatch;
  logWrite(verb, resource, key, patch);
  if (auto error = intercept(verb, resource, key, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  const std::lock_guard lock(mutex_);
  const json* found = find(resource, key);
  if (found == nullptr) return notFound(resource, key);
  const std::string base = baseVersion(patch);
  if (!base.empty() && base != baseVersion(*found)) return conflict(resource, key);
  json merged = *found;
  merged.merge_patch(patch);
  json next = merged;
  if (status) {
    next = *found;
    next.erase("status");
    if (merged.contains("status")) next["status"] = merged.at("status");
  } else if (hasStatus(resource)) {
    next.erase("status");
    if (found->contains("status")) next["status"] = found->at("status");
  }
  for (const char* servers : {"name", "uid", "resourceVersion", "creationTimestamp"}) {
    next["metadata"][servers] = found->at("metadata").at(servers);
  }
  if (next == *found) return next;
  const bool released = next["metadata"].contains("deletionTimestamp") &&
                        next["metadata"].value("finalizers", json::array()).empty();
  json stored = store(resource, std::move(next));
  if (released) drop(resource, key);
  return stored;
}

Result<void> FakeApi::remove(const Resource& resource, const ObjectKey& key, const std::string& uid,
                             std::stop_token stop) {
  logWrite(Verb::kDelete, resource, key, nullptr);
  if (auto error = intercept(Verb::kDelete, resource, key, stop)) {
    return tl::make_unexpected(std::move(*error));
  }
  const std::lock_guard lock(mutex_);
  const json* found = find(resource, key);
  if (found == nullptr) return notFound(resource, key);
  if (!uid.empty() && textAt(*found, "metadata.uid") != uid) return conflict(resource, key);
  if (found->at("metadata").value("finalizers", json::array()).empty()) {
    drop(resource, key);
  } else if (!found->at("metadata").contains("deletionTimestamp")) {
    json marked = *found;
    marked["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z";
    store(resource, std::move(marked));
  }
  return {};
}

}  // namespace barevip::kube
