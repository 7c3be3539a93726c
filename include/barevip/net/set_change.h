// SPDX-License-Identifier: Apache-2.0
// One element of a set of nftables, as the kernel compares it.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

namespace barevip::net {

/// An element that comes or goes. Keys are in network byte order, each part of a concatenated one
/// filled up to four bytes.
struct SetChange {
  bool add = true;
  std::string set;
  std::vector<std::byte> key;
  std::vector<std::byte> keyEnd;  ///< of a set of intervals: the last key that it contains

  friend bool operator==(const SetChange&, const SetChange&) = default;
  friend auto operator<=>(const SetChange&, const SetChange&) = default;
};

}  // namespace barevip::net
