// SPDX-License-Identifier: Apache-2.0
// How much memory the texts of all objects of a kind may take.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "barevip/kube/object_key.h"

namespace barevip::model {

/// Objects of ordinary size are free, so that nobody notices what others use up: the budgets, one
/// of each namespace and one of all, are for what goes beyond. An object that does not fit into
/// them uses nothing. Thread-safe.
class TextBudget {
 public:
  struct Limits {
    std::size_t freeOfEach = 4U << 10U;
    std::size_t ofNamespace = 1U << 20U;
    std::size_t ofAll = 16U << 20U;
  };

  TextBudget() = default;
  explicit TextBudget(Limits limits) : limits_(limits) {}

  /// The object takes so many bytes from now on. False: there is no room.
  [[nodiscard]] bool take(const kube::ObjectKey& object, std::size_t bytes);
  /// The object is gone.
  void release(const kube::ObjectKey& object);

  [[nodiscard]] std::size_t used() const;

 private:
  void releaseLocked(const kube::ObjectKey& object);

  const Limits limits_{};
  mutable std::mutex mutex_;
  std::map<kube::ObjectKey, std::size_t> taken_;
  std::map<std::string, std::size_t> byNamespace_;
  std::size_t used_ = 0;
};

}  // namespace barevip::model
