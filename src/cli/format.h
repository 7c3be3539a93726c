// SPDX-License-Identifier: Apache-2.0
// A view in the format that a person asks for.
#pragma once

#include <ostream>
#include <sstream>
#include <string>

#include "barevip/base/clock.h"

#include "cli/options.h"
#include "cli/print/documents.h"
#include "cli/print/style.h"
#include "cli/terminal.h"

namespace barevip::cli {

/// printTable: of this kind of views, for people.
template <class View>
[[nodiscard]] std::string textOf(const View& view, Output output, const Terminal& terminal,
                                 const Clock& clock,
                                 void (*printTable)(const View&, const Style&, std::ostream&)) {
  if (output == Output::kJson) return toJson(view);
  if (output == Output::kYaml) return toYaml(view);
  std::ostringstream table;
  printTable(view, {terminal.color, output == Output::kWide, clock.wallNow()}, table);
  return table.str();
}

}  // namespace barevip::cli
