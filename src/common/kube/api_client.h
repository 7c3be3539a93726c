// SPDX-License-Identifier: Apache-2.0
// The Api of a real server.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "barevip/kube/api.h"

#include "common/kube/random.h"
#include "common/kube/transport.h"

namespace barevip::kube {

/// Stateless over its transport; each call is one HTTP request, a list one for each page.
class ApiClient final : public Api {
 public:
  /// deadline: of a request for one object, see HttpRequest.
  explicit ApiClient(std::unique_ptr<Transport> transport, Random random = systemRandom(),
                     std::chrono::milliseconds deadline = HttpRequest{}.deadline);

  Result<std::string> list(const Resource& resource, const Selection& selection,
                           const OnItem& onItem, std::stop_token stop) override;
  /// Asks for bookmarks and for an end after 5 to 10 minutes, so that watches spread over servers.
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
  struct Page {
    std::string resourceVersion;
    std::string next;  ///< the token for the next page; empty: this was the last
  };

  Result<Page> listPage(const std::string& path, const OnItem& onItem, const std::stop_token& stop);
  Result<std::string> sendForText(HttpRequest request, const std::stop_token& stop);
  Result<nlohmann::json> sendForObject(HttpRequest request, const std::stop_token& stop);

  std::unique_ptr<Transport> transport_;
  Random random_;
  const std::chrono::milliseconds deadline_;
};

}  // namespace barevip::kube
