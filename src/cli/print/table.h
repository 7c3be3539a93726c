// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace barevip::cli {

/// Rows under a header, in aligned columns as kubectl prints them.
class Table {
 public:
  using Row = std::vector<std::string>;  ///< as many cells as the header has

  explicit Table(Row header) : rows_{std::move(header)} {}

  void add(Row row) { rows_.push_back(std::move(row)); }
  void print(std::ostream& out) const;

 private:
  std::vector<Row> rows_;
};

}  // namespace barevip::cli
