// SPDX-License-Identifier: Apache-2.0
// The API server as a process sees it that may die, or lose an answer, between any two writes.
#pragma once

#include <cstddef>
#include <optional>

#include <nlohmann/json.hpp>

#include "barevip/kube/api.h"

#include "history/history.h"

namespace barevip::history {

/// Not thread-safe. The server behind it outlives it.
class UnreliableApi final : public kube::Api {
 public:
  explicit UnreliableApi(kube::Api& server) : server_(server) {}

  /// So many more writes; each call after them is kStopped, as if the process were dead.
  void dieAfter(std::size_t writes) { lifetime_ = writes; }
  [[nodiscard]] bool dead() const { return lifetime_ && *lifetime_ == 0; }
  void revive() { lifetime_.reset(); }

  /// What befalls the write after so many others.
  void failWrite(std::size_t after, WriteFault fault) { failure_ = Failure{after, fault}; }

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
  struct Failure {
    std::size_t after = 0;
    WriteFault fault = WriteFault::kLost;
  };

  template <class Call>
  auto read(Call&& call) -> decltype(call());
  template <class Call>
  auto write(Call&& call) -> decltype(call());

  kube::Api& server_;
  std::optional<std::size_t> lifetime_;
  std::optional<Failure> failure_;
};

}  // namespace barevip::history
