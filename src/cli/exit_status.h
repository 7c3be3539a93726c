// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace barevip::cli {

// Exit statuses of the commands that ask a cluster.
inline constexpr int kAllWell = 0;
inline constexpr int kProblems = 1;
inline constexpr int kCannotAsk = 2;

}  // namespace barevip::cli
