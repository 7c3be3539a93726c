// SPDX-License-Identifier: Apache-2.0
// Services that were written for another load balancer.
#pragma once

#include <cstdint>

#include "barevip/model/service.h"

namespace barevip::assigner {

/// Whose annotations are read besides our own.
enum class Compat : std::uint8_t { kNone, kMetalLb, kKubeVip, kCilium };

/// Puts what their annotations ask for in the place of our own, where that is not there, and notes
/// in Service::writtenAs what was written. Where the other one renamed an annotation, the new name
/// comes before the old one. An empty annotation of barevip is there; an empty share key of another
/// one is not.
void readAnnotationsOf(Compat other, model::Service& service);

}  // namespace barevip::assigner
