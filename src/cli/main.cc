// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/convert_command.h"
#include "cli/options.h"
#include "common/base/command_line.h"

int main(int argc, char** argv) {
  return barevip::runMain("kubectl-barevip", [&] {
    const auto options = barevip::cli::parseOptions(argc, argv);
    return options ? barevip::cli::runConvert(*options, std::cin, std::cout, std::cerr)
                   : barevip::sayEnd(options.error());
  });
}
