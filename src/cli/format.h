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

/// printTable: of this kind of views, for people. now: ages are counted to it.
template <class View>
[[nodiscard]] std::string textOf(const View& view, Output output, const Terminal& terminal,
                                 WallTime now,
                                 void (*printTable)(const View&, const Style&, std::ostream&)) {
  if (output == Output::kJson) return toJson(view);
  if (output == Output::kYaml) return toYaml(view);
  std::ostringstream table;
  printTable(view, {terminal.color, output == Output::kWide, now}, table);
  return table.str();
}

}  // namespace barevip::cli
