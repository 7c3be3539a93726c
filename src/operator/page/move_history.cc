// SPDX-License-Identifier: Apache-2.0
#include "operator/page/move_history.h"

#include <algorithm>

namespace barevip::controlplane {

void MoveHistory::changed(const model::IpObject& before, const model::IpObject& after) {
  const std::string& address = after.status.address;
  const std::string& to = after.status.node;
  if (address.empty() || address != before.status.address || to == before.status.node) return;
  const std::lock_guard lock(mutex_);
  const auto last = std::find_if(moves_.begin(), moves_.end(),
                                 [&](const Move& each) { return each.address == address; });
  if (last != moves_.end() && last->to == to) return;
  moves_.push_front({clock_.wallNow(), address, before.status.node, to});
  if (moves_.size() > kMost) moves_.pop_back();
}

std::vector<Move> MoveHistory::moves() const {
  const std::lock_guard lock(mutex_);
  return {moves_.begin(), moves_.end()};
}

}  // namespace barevip::controlplane
