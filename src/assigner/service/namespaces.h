// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/kube/store.h"
#include "barevip/model/node.h"

namespace barevip::assigner {

/// Namespaces for decisions that stay: an address that was given keeps its consumer, so the Pool
/// must not be chosen by labels that are older than who asks. Objects of different kinds come by
/// watches of their own, in any order. Thread-safe. References must outlive this.
class Namespaces {
 public:
  using Ptr = std::shared_ptr<const model::Namespace>;

  Namespaces(kube::Api& api, const kube::Store<model::Namespace>& store)
      : api_(api), store_(store) {}

  /// The newest that is known; null: none is.
  [[nodiscard]] Ptr known(const std::string& name);

  /// No older than `version`, the resourceVersion of the object that asks: asks the API server if
  /// the watch has not come that far. Null: there is no such namespace.
  [[nodiscard]] Result<Ptr> asOf(const std::string& name, const std::string& version,
                                 const std::stop_token& stop);

 private:
  /// What the API server was asked for, until the watch is as far.
  struct Live {
    Ptr object;
    std::string asOf;
  };

  kube::Api& api_;
  const kube::Store<model::Namespace>& store_;
  std::mutex mutex_;
  std::map<std::string, Live> live_;
};

}  // namespace barevip::assigner
