// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "barevip/kube/api.h"

namespace barevip::kube {

enum class Verb : std::uint8_t { kList, kWatch, kGet, kCreate, kReplace, kPatch, kRemove };

[[nodiscard]] bool isWrite(Verb verb);
/// As RBAC rules and audit logs name it: "update" for a PUT.
[[nodiscard]] std::string_view nameOf(Verb verb);

/// The base of what stands before an Api and does something around each request of it. As
/// thread-safe as around() is. The Api behind it outlives it.
class ForwardingApi : public Api {
 public:
  explicit ForwardingApi(Api& next) : next_(next) {}

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

 protected:
  struct Request {
    Verb verb = Verb::kGet;
    const Resource& resource;
    const std::stop_token& stop;
  };
  /// Sends the request to the Api behind; the answer of the last time counts.
  using Send = std::function<Result<void>()>;

  /// Runs for each request: calls send() never, once or more often. An error is the caller's
  /// result; success after no successful send() must not be.
  virtual Result<void> around(const Request& request, const Send& send) = 0;

  [[nodiscard]] Api& next() const { return next_; }

 private:
  template <class T, class Call>
  Result<T> ask(const Request& request, const Call& call);

  Api& next_;
};

}  // namespace barevip::kube
