// SPDX-License-Identifier: Apache-2.0
#include "common/kube/api_client.h"

#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/percent.h"
#include "common/kube/api_status.h"
#include "common/kube/json_lines.h"
#include "common/model/meta_json.h"

namespace barevip::kube {
namespace {

using nlohmann::json;

constexpr int kPageSize = 500;
constexpr int kWatchSeconds = 300;  // at least; at most twice that
constexpr std::chrono::milliseconds kListDeadline{30'000};
// KEP-3157: everything that there is now, and a bookmark that says so, before what follows.
constexpr const char* kStreamedList = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
constexpr const char* kMergePatch = "application/merge-patch+json";
// The server would look for unknown fields a second time, for warnings that nobody reads here.
constexpr const char* kWriteQuery = "?fieldValidation=Ignore";

std::string encode(std::string_view text) { return percentEncode(text, kUnreserved); }

std::string collectionPath(const Resource& resource, const std::string& ns) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/";
  path += resource.apiVersion();
  if (resource.namespaced && !ns.empty()) path += "/namespaces/" + encode(ns);
  return path + "/" + std::string(resource.plural);
}

std::string objectPath(const Resource& resource, const ObjectKey& key) {
  return collectionPath(resource, key.ns) + "/" + encode(key.name);
}

// An empty name would turn a request for one object into one for all of them.
Result<void> checkName(const Resource& resource, const ObjectKey& key) {
  if (!key.name.empty() && (!resource.namespaced || !key.ns.empty())) return {};
  return fail(ErrorCode::kInvalid, "a request for one " + std::string(resource.kind) +
                                       " needs its name" +
                                       (resource.namespaced ? " and namespace" : ""));
}

std::string selectionQuery(const Selection& selection) {
  std::string query;
  if (!selection.labelSelector.empty()) {
    query += "&labelSelector=" + encode(selection.labelSelector);
  }
  if (!selection.fieldSelector.empty()) {
    query += "&fieldSelector=" + encode(selection.fieldSelector);
  }
  return query;
}

// Text from a cluster may be no UTF-8 in places; it must not throw here.
std::string text(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool isSuccess(int status) { return status >= 200 && status < 300; }

std::optional<WatchEvent::Type> eventType(const std::string& text, const json& object) {
  if (text == "ADDED") return WatchEvent::Type::kAdded;
  if (text == "MODIFIED") return WatchEvent::Type::kModified;
  if (text == "DELETED") return WatchEvent::Type::kDeleted;
  if (text != "BOOKMARK") return std::nullopt;
  const json& annotations = model::memberOf(model::memberOf(object, "metadata"), "annotations");
  const bool listed = model::stringAt(annotations, "k8s.io/initial-events-end") == "true";
  return listed ? WatchEvent::Type::kListed : WatchEvent::Type::kBookmark;
}

// Of the object that is or ends a list.
Result<std::string> versionOfList(const json& object) {
  std::string version = model::stringAt(model::memberOf(object, "metadata"), "resourceVersion");
  if (!version.empty()) return version;
  return fail(ErrorCode::kInternal, "the API server's list has no metadata.resourceVersion");
}

Result<void> deliverEvent(std::string_view line, const Api::OnEvent& onEvent) {
  const auto event = parseObject(line);
  if (!event) {
    onEvent(WatchEvent::Type::kModified, excerpt(line));
    return {};
  }
  const std::string type = model::stringAt(*event, "type");
  const json& object = model::memberOf(*event, "object");
  if (type == "ERROR") return tl::make_unexpected(errorFromStatus(object));
  const auto known = eventType(type, object);
  if (known == WatchEvent::Type::kListed) {
    if (auto version = versionOfList(object); !version) return tl::make_unexpected(version.error());
  }
  if (known) onEvent(*known, object);  // a type of the future says nothing to us
  return {};
}

}  // namespace

ApiClient::ApiClient(std::unique_ptr<Transport> transport, Random random,
                     std::chrono::milliseconds deadline)
    : transport_(std::move(transport)), random_(std::move(random)), deadline_(deadline) {}

Result<std::string> ApiClient::list(const Resource& resource, const Selection& selection,
                                    const OnItem& onItem, std::stop_token stop) {
  const std::string path = collectionPath(resource, selection.ns) +
                           "?limit=" + std::to_string(kPageSize) + selectionQuery(selection);
  std::string next;
  do {
    auto page = listPage(next.empty() ? path : path + "&continue=" + encode(next), onItem, stop);
    if (!page) return tl::make_unexpected(std::move(page.error()));
    if (page->next.empty()) return std::move(page->resourceVersion);
    next = std::move(page->next);
  } while (true);
}

Result<ApiClient::Page> ApiClient::listPage(const std::string& path, const OnItem& onItem,
                                            const std::stop_token& stop) {
  HttpRequest request;
  request.path = path;
  request.deadline = kListDeadline;
  request.idle = kListDeadline;
  ItemSplitter splitter;
  const OnText onText = [&](std::string_view item) -> Result<void> {
    const auto object = parseObject(item);
    if (object) {
      onItem(*object);
    } else {
      onItem(excerpt(item));
    }
    return {};
  };
  auto response = transport_->stream(
      request, stop, [&](std::string_view bytes) { return splitter.feed(bytes, onText); });
  if (!response) return tl::make_unexpected(std::move(response.error()));
  if (response->status != 200) {
    return tl::make_unexpected(
        errorFromAnswer(response->status, response->body, response->retryAfter));
  }
  const auto envelope = splitter.finish();
  if (!envelope) return tl::make_unexpected(envelope.error());
  auto list = parseObject(*envelope);
  if (!list) return tl::make_unexpected(std::move(list.error()));
  auto version = versionOfList(*list);
  if (!version) return tl::make_unexpected(std::move(version.error()));
  return Page{std::move(*version), model::stringAt(model::memberOf(*list, "metadata"), "continue")};
}

Result<void> ApiClient::watch(const Resource& resource, const Selection& selection,
                              const std::string& resourceVersion, const OnEvent& onEvent,
                              std::stop_token stop) {
  const bool listing = resourceVersion.empty();
  const int seconds = kWatchSeconds + static_cast<int>(random_() * kWatchSeconds);
  HttpRequest request;
  request.path =
      collectionPath(resource, selection.ns) +
      "?watch=true&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(seconds) +
      (listing ? std::string(kStreamedList) : "&resourceVersion=" + encode(resourceVersion)) +
      selectionQuery(selection);
  request.deadline = kListDeadline;
  LineSplitter splitter;
  const OnText onLine = [&](std::string_view line) { return deliverEvent(line, onEvent); };
  auto response =
      transport_->stream(request, std::move(stop), [&](std::string_view bytes) -> Result<void> {
        if (bytes.empty()) onEvent(WatchEvent::Type::kOpened, nullptr);
        return splitter.feed(bytes, onLine);
      });
  if (!response) return tl::make_unexpected(std::move(response.error()));
  if (response->status != 200) {
    auto error = errorFromAnswer(response->status, response->body, response->retryAfter);
    // What a server says of a request that it does not understand.
    if (listing && error.code == ErrorCode::kInvalid) error.code = ErrorCode::kUnsupported;
    return tl::make_unexpected(std::move(error));
  }
  if (splitter.hasRest()) return fail(ErrorCode::kUnavailable, "a watch was cut inside an event");
  return {};
}

Result<json> ApiClient::get(const Resource& resource, const ObjectKey& key, std::stop_token stop) {
  if (auto ok = checkName(resource, key); !ok) return tl::make_unexpected(ok.error());
  HttpRequest request;
  request.path = objectPath(resource, key);
  return sendForObject(std::move(request), stop);
}

Result<json> ApiClient::create(const Resource& resource, const std::string& ns, const json& object,
                               std::stop_token stop) {
  HttpRequest request;
  request.method = "POST";
  request.path = collectionPath(resource, ns) + kWriteQuery;
  request.body = text(object);
  return sendForObject(std::move(request), stop);
}

Result<json> ApiClient::replace(const Resource& resource, const ObjectKey& key, const json& object,
                                std::stop_token stop) {
  if (auto ok = checkName(resource, key); !ok) return tl::make_unexpected(ok.error());
  HttpRequest request;
  request.method = "PUT";
  request.path = objectPath(resource, key) + kWriteQuery;
  request.body = text(object);
  return sendForObject(std::move(request), stop);
}

Result<json> ApiClient::patch(const Resource& resource, const ObjectKey& key,
                              const std::string& subresource, const json& patch,
                              std::stop_token stop) {
  if (auto ok = checkName(resource, key); !ok) return tl::make_unexpected(ok.error());
  HttpRequest request;
  request.method = "PATCH";
  request.path = objectPath(resource, key);
  if (!subresource.empty()) request.path += "/" + encode(subresource);
  request.path += kWriteQuery;
  request.contentType = kMergePatch;
  request.body = text(patch);
  return sendForObject(std::move(request), stop);
}

Result<void> ApiClient::remove(const Resource& resource, const ObjectKey& key,
                               const std::string& uid, std::stop_token stop) {
  if (auto ok = checkName(resource, key); !ok) return ok;
  json options = {
      {"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!uid.empty()) options["preconditions"] = {{"uid", uid}};
  HttpRequest request;
  request.method = "DELETE";
  request.path = objectPath(resource, key);
  request.body = text(options);
  auto body = sendForText(std::move(request), stop);
  if (!body) return tl::make_unexpected(std::move(body.error()));
  return {};
}

Result<std::string> ApiClient::sendForText(HttpRequest request, const std::stop_token& stop) {
  request.deadline = deadline_;
  auto response = transport_->send(request, stop);
  if (!response) return tl::make_unexpected(std::move(response.error()));
  if (isSuccess(response->status)) return std::move(response->body);
  return tl::make_unexpected(
      errorFromAnswer(response->status, response->body, response->retryAfter));
}

Result<json> ApiClient::sendForObject(HttpRequest request, const std::stop_token& stop) {
  auto body = sendForText(std::move(request), stop);
  if (!body) return tl::make_unexpected(std::move(body.error()));
  return parseObject(*body);
}

}  // namespace barevip::kube
