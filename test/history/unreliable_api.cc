// SPDX-License-Identifier: Apache-2.0
#include "history/unreliable_api.h"

#include <utility>

namespace barevip::history {

using nlohmann::json;

template <class Call>
auto UnreliableApi::read(Call&& call) -> decltype(call()) {
  if (dead()) return fail(ErrorCode::kStopped, "the process is dead");
  return call();
}

template <class Call>
auto UnreliableApi::write(Call&& call) -> decltype(call()) {
  if (dead()) return fail(ErrorCode::kStopped, "the process is dead");
  std::optional<WriteFault> fault;
  if (failure_ && failure_->after-- == 0) fault = std::exchange(failure_, std::nullopt)->fault;
  if (fault == WriteFault::kLost) return fail(ErrorCode::kUnavailable, "the connection broke");
  if (fault == WriteFault::kRefused) return fail(ErrorCode::kForbidden, "exceeded quota", 403);
  auto result = call();
  if (lifetime_) --*lifetime_;
  if (fault) return fail(ErrorCode::kUnavailable, "the connection broke before the answer");
  return result;
}

Result<std::string> UnreliableApi::list(const kube::Resource& resource,
                                        const kube::Selection& selection, const OnItem& onItem,
                                        std::stop_token stop) {
  return read([&] { return server_.list(resource, selection, onItem, std::move(stop)); });
}

Result<void> UnreliableApi::watch(const kube::Resource& resource, const kube::Selection& selection,
                                  const std::string& resourceVersion, const OnEvent& onEvent,
                                  std::stop_token stop) {
  return read([&] {
    return server_.watch(resource, selection, resourceVersion, onEvent, std::move(stop));
  });
}

Result<json> UnreliableApi::get(const kube::Resource& resource, const kube::ObjectKey& key,
                                std::stop_token stop) {
  return read([&] { return server_.get(resource, key, std::move(stop)); });
}

Result<json> UnreliableApi::create(const kube::Resource& resource, const std::string& ns,
                                   const json& object, std::stop_token stop) {
  return write([&] { return server_.create(resource, ns, object, std::move(stop)); });
}

Result<json> UnreliableApi::replace(const kube::Resource& resource, const kube::ObjectKey& key,
                                    const json& object, std::stop_token stop) {
  return write([&] { return server_.replace(resource, key, object, std::move(stop)); });
}

Result<json> UnreliableApi::patch(const kube::Resource& resource, const kube::ObjectKey& key,
                                  const std::string& subresource, const json& patch,
                                  std::stop_token stop) {
  return write([&] { return server_.patch(resource, key, subresource, patch, std::move(stop)); });
}

Result<void> UnreliableApi::remove(const kube::Resource& resource, const kube::ObjectKey& key,
                                   const std::string& uid, std::stop_token stop) {
  return write([&] { return server_.remove(resource, key, uid, std::move(stop)); });
}

}  // namespace barevip::history
