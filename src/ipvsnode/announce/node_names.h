// SPDX-License-Identifier: Apache-2.0
// Names of nodes, ascending.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace barevip::node {

/// Copies share one list: thousands of VIPs have the same candidates. Immutable.
class NodeNames {
 public:
  using value_type = std::string;
  using const_iterator = std::vector<std::string>::const_iterator;

  NodeNames() : NodeNames(std::vector<std::string>{}) {}
  /// `names` must ascend.
  NodeNames(std::vector<std::string> names)  // NOLINT(google-explicit-constructor)
      : names_(std::make_shared<const std::vector<std::string>>(std::move(names))) {}

  [[nodiscard]] const_iterator begin() const { return names_->begin(); }
  [[nodiscard]] const_iterator end() const { return names_->end(); }
  [[nodiscard]] bool empty() const { return names_->empty(); }
  [[nodiscard]] std::size_t size() const { return names_->size(); }
  [[nodiscard]] const std::string& front() const { return names_->front(); }
  [[nodiscard]] bool contains(const std::string& name) const {
    return std::binary_search(begin(), end(), name);
  }

  friend bool operator==(const NodeNames& a, const NodeNames& b) {
    return a.names_ == b.names_ || *a.names_ == *b.names_;
  }

 private:
  std::shared_ptr<const std::vector<std::string>> names_;
};

}  // namespace barevip::node
