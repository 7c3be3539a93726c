// SPDX-License-Identifier: Apache-2.0
#include "common/base/command_line.h"
#include "common/base/heap.h"
#include "ipvsnode/daemon/app.h"
#include "ipvsnode/daemon/options.h"

int main(int argc, char** argv) {
  return barevip::runMain("barevip-node", [&] {
    barevip::shareOneHeap();
    const auto options = barevip::node::parseOptions(argc, argv);
    return options ? barevip::node::runCommand(*options) : barevip::sayEnd(options.error());
  });
}
