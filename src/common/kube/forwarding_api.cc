// SPDX-License-Identifier: Apache-2.0
#include "common/kube/forwarding_api.h"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

namespace barevip::kube {

using nlohmann::json;

bool isWrite(Verb verb) { return verb >= Verb::kCreate; }

std::string_view nameOf(Verb verb) {
  static constexpr std::array<std::string_view, 7> kNames{"list",   "watch", "get",   "create",
                                                          "update", "patch", "delete"};
  return kNames.at(static_cast<std::size_t>(verb));
}

template <class T, class Call>
Result<T> ForwardingApi::ask(const Request& request, const Call& call) {
  std::optional<T> answer;
  const auto done = around(request, [&]() -> Result<void> {
    auto sent = call();
    if (!sent) return tl::make_unexpected(std::move(sent.error()));
    answer = std::move(*sent);
    return {};
  });
  if (!done) return tl::make_unexpected(done.error());
  return std::move(answer.value());
}

Result<std::string> ForwardingApi::list(const Resource& resource, const Selection& selection,
                                        const OnItem& onItem, std::stop_token stop) {
  return ask<std::string>({Verb::kList, resource, stop},
                          [&] { return next_.list(resource, selection, onItem, stop); });
}

Result<void> ForwardingApi::watch(const Resource& resource, const Selection& selection,
                                  const std::string& resourceVersion, const OnEvent& onEvent,
                                  std::stop_token stop) {
  return around({Verb::kWatch, resource, stop},
                [&] { return next_.watch(resource, selection, resourceVersion, onEvent, stop); });
}

Result<json> ForwardingApi::get(const Resource& resource, const ObjectKey& key,
                                std::stop_token stop) {
  return ask<json>({Verb::kGet, resource, stop}, [&] { return next_.get(resource, key, stop); });
}

Result<json> ForwardingApi::create(const Resource& resource, const std::string& ns,
                                   const json& object, std::stop_token stop) {
  return ask<json>({Verb::kCreate, resource, stop},
                   [&] { return next_.create(resource, ns, object, stop); });
}

Result<json> ForwardingApi::replace(const Resource& resource, const ObjectKey& key,
                                    const json& object, std::stop_token stop) {
  return ask<json>({Verb::kReplace, resource, stop},
                   [&] { return next_.replace(resource, key, object, stop); });
}

Result<json> ForwardingApi::patch(const Resource& resource, const ObjectKey& key,
                                  const std::string& subresource, const json& patch,
                                  std::stop_token stop) {
  return ask<json>({Verb::kPatch, resource, stop},
                   [&] { return next_.patch(resource, key, subresource, patch, stop); });
}

Result<void> ForwardingApi::remove(const Resource& resource, const ObjectKey& key,
                                   const std::string& uid, std::stop_token stop) {
  return around({Verb::kRemove, resource, stop},
                [&] { return next_.remove(resource, key, uid, stop); });
}

}  // namespace barevip::kube
