// SPDX-License-Identifier: Apache-2.0
// What a command shows, again after each change of the cluster.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "cli/terminal.h"
#include "view/cluster.h"

namespace barevip::cli {

/// What is shown of a cluster at one moment.
struct Picture {
  std::string state;  ///< pictures of the same state differ in ages alone
  std::string text;
};
using Draw = std::function<Picture(const view::Cluster&)>;

/// Shows `first`, then lists all once and watches from there on, until stop. On a screen a picture
/// takes the place of the one before, each second; elsewhere it follows it if the state is another.
/// While the API server does not answer it shows nothing, and says so to the terminal's messages.
void watchCluster(const view::Cluster& first, const Draw& draw, kube::Api& api, const Clock& clock,
                  const Terminal& terminal, const std::stop_token& stop);

}  // namespace barevip::cli
