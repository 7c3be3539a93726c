// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include <nlohmann/json_fwd.hpp>

#include "barevip/kube/api.h"

#include "common/obs/metrics.h"

namespace barevip::controlplane {

/// Lets a write through only while `mayWrite` says so; else it is kStopped. Counts writes. Reads
/// pass. References outlive it.
class GuardedApi final : public kube::Api {
 public:
  GuardedApi(kube::Api& api, std::function<bool()> mayWrite, obs::Registry& metrics);

  Result<std::string> list(const kube::Resource& resource, const kube::Selection& selection,
                           const OnItem& onItem, std::stop_token stop) override;
  Result<void> watch(const kube::Resource& resource, const kube::Selection& selection,
                     const std::string& resourceVersion, const OnEvent& onEvent,
                     std::stop_token stop) override;
  Result<nlohmann::json> get(const kube::Resource& resource, const kube::ObjectKey& key,
                             std::stop_token stop) override;
  Result<nlohmann::json> create(const kube::Resource& resource, const std::string& ns,
                                const nlohmann::json& object, std::stop_token stop) override;
  Result<nlohmann::json> replace(const kube::Resource& resource, const kube::ObjectKey& key,
                                 const nlohmann::json& object, std::stop_token stop) override;
  Result<nlohmann::json> patch(const kube::Resource& resource, const kube::ObjectKey& key,
                               const std::string& subresource, const nlohmann::json& patch,
                               std::stop_token stop) override;
  Result<void> remove(const kube::Resource& resource, const kube::ObjectKey& key,
                      const std::string& uid, std::stop_token stop) override;

 private:
  template <class Call>
  auto write(Call&& call) -> decltype(call());

  kube::Api& api_;
  const std::function<bool()> mayWrite_;
  obs::Counter& written_;
  obs::Counter& failed_;
};

}  // namespace barevip::controlplane
