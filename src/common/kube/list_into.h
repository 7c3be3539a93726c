// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::kube {

/// Gives each object that the API server lists to `take`. What cannot be decoded is left out, as
/// reflectors do.
template <class Decode, class Take>
Result<void> listEach(Api& api, const Resource& resource, const Selection& selection,
                      const Decode& decode, const Take& take, const std::stop_token& stop) {
  const auto listed = api.list(
      resource, selection,
      [&](const nlohmann::json& object) {
        if (auto one = decode(object)) take(std::move(*one));
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return {};
}

/// Appends them.
template <class T, class Decode>
Result<void> listInto(Api& api, const Resource& resource, const Selection& selection,
                      const Decode& decode, std::vector<std::shared_ptr<const T>>& target,
                      const std::stop_token& stop) {
  return listEach(
      api, resource, selection, decode,
      [&](T one) { target.push_back(std::make_shared<const T>(std::move(one))); }, stop);
}

}  // namespace barevip::kube
