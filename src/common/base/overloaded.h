// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace barevip {

/// One callable of several lambdas, one for each alternative that std::visit may hand it.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace barevip
