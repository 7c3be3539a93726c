// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <nlohmann/json.hpp>

#include "operator/guarded_api.h"

namespace barevip::controlplane {

using nlohmann::json;

namespace {

constexpr const char* kWrites = "barevip_api_writes_total";
constexpr const char* kWritesHelp = "Writes to the API server, by result.";

}  // namespace

GuardedApi::GuardedApi(kube::Api& api, std::function<bool()> mayWrite, obs::Registry& metrics)
    : api_(api),
      mayWrite_(std::move(mayWrite)),
      written_(metrics.counter(kWrites, kWritesHelp, {{"result", "ok"}})),
      failed_(metrics.counter(kWrites, kWritesHelp, {{"result", "error"}})) {}

template <class Call>
auto GuardedApi::write(Call&& call) -> decltype(call()) {
  if (!mayWrite_()) {
    return fail(ErrorCode::kStopped, "this process does not lead, so it writes nothing");
  }
  auto result = call();
  (result ? written_ : failed_).add();
  return result;
}

Result<std::string> GuardedApi::list(const kube::Resource& resource,
                                     const kube::Selection& selection, const OnItem& onItem,
                                     std::stop_token stop) {
  return api_.list(resource, selection, onItem, std::move(stop));
}

Result<void> GuardedApi::watch(const kube::Resource& resource, const kube::Selection& selection,
                               const std::string& resourceVersion, const OnEvent& onEvent,
                               std::stop_token stop) {
  return api_.watch(resource, selection, resourceVersion, onEvent, std::move(stop));
}

Result<json> GuardedApi::get(const kube::Resource& resource, const kube::ObjectKey& key,
                             std::stop_token stop) {
  return api_.get(resource, key, std::move(stop));
}

Result<json> GuardedApi::create(const kube::Resource& resource, const std::string& ns,
                                const json& object, std::stop_token stop) {
  return write([&] { return api_.create(resource, ns, object, std::move(stop)); });
}

Result<json> GuardedApi::replace(const kube::Resource& resource, const kube::ObjectKey& key,
                                 const json& object, std::stop_token stop) {
  return write([&] { return api_.replace(resource, key, object, std::move(stop)); });
}

Result<json> GuardedApi::patch(const kube::Resource& resource, const kube::ObjectKey& key,
                               const std::string& subresource, const json& patch,
                               std::stop_token stop) {
  return write([&] { return api_.patch(resource, key, subresource, patch, std::move(stop)); });
}

Result<void> GuardedApi::remove(const kube::Resource& resource, const kube::ObjectKey& key,
                                const std::string& uid, std::stop_token stop) {
  return write([&] { return api_.remove(resource, key, uid, std::move(stop)); });
}

}  // namespace barevip::controlplane
