// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/report.h"

namespace barevip::cli {

std::string Origin::toString() const {
  std::string text = file + ", document " + std::to_string(document);
  if (item != 0) text += ", item " + std::to_string(item);
  if (!object.empty()) text += ", " + object;
  return text;
}

void Report::note(const Origin& origin, const std::string& sentence) {
  notes.push_back(origin.toString() + ": " + sentence);
}

void Report::lose(const Origin& origin, const std::string& sentence) {
  losses.push_back(origin.toString() + ": " + sentence);
}

void Report::fault(const Origin& origin, const std::string& sentence) {
  faults.push_back(origin.toString() + ": " + sentence);
}

}  // namespace barevip::cli
