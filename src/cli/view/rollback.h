// SPDX-License-Identifier: Apache-2.0
// From what a Service is back to what it was before a migration. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/view/saved_services.h"

namespace barevip::cli {

/// A Service of type LoadBalancer, as rollback sees it.
struct LiveService {
  SavedService now;
  std::string uid;
  bool claimed = false;                    ///< its status has a condition of barevip
  std::vector<kube::ObjectKey> records{};  ///< IP objects that barevip made for it
  std::string writer{};  ///< field manager that wrote its addresses last; empty: not known
};

/// What is written to one Service. Nothing of it has happened yet.
struct RollbackStep {
  kube::ObjectKey service;
  bool saved = true;  ///< false: it came later, and keeps the addresses that it shows
  std::vector<std::string> shows;
  std::map<std::string, std::optional<std::string>> annotations;  ///< nullopt: is removed
  std::optional<std::string> loadBalancerIp;                      ///< empty: is removed
  /// Takes the conditions of barevip out, too.
  std::optional<std::vector<model::LoadBalancerIngress>> ingress;
  std::vector<kube::ObjectKey> records;  ///< IP objects that are deleted
  std::string obstacle;                  ///< why it is left as it is; then there is nothing else

  [[nodiscard]] bool changes() const {
    return !annotations.empty() || loadBalancerIp || ingress || !records.empty();
  }
};

/// saved: of the same Service; nullptr: it was not there.
[[nodiscard]] RollbackStep stepBack(const SavedService* saved, const LiveService& live);

/// One for each Service of either, ascending; of those that came later only those that barevip
/// has a claim on.
[[nodiscard]] std::vector<RollbackStep> planRollback(const SavedServices& saved,
                                                     const std::vector<LiveService>& live);

}  // namespace barevip::cli
