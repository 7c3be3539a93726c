// SPDX-License-Identifier: Apache-2.0
#include "cli/print/table.h"

#include <algorithm>
#include <cstddef>
#include <ostream>

namespace barevip::cli {
namespace {

constexpr std::size_t kGap = 3;

}  // namespace

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << row[i];
      if (i + 1 < row.size()) out << std::string(widths[i] + kGap - row[i].size(), ' ');
    }
    out << "\n";
  }
}

}  // namespace barevip::cli
