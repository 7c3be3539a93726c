// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include "ipvsnode/app.h"
#include "ipvsnode/options.h"

int main(int argc, char** argv) {
  try {
    const auto options = barevip::node::parseOptions(argc, argv);
    if (!options) {
      std::fputs(options.error().text.c_str(), options.error().status == 0 ? stdout : stderr);
      return options.error().status;
    }
    return barevip::node::runCommand(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "barevip-node: %s\n", error.what());
    return 1;
  }
}
