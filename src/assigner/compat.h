// SPDX-License-Identifier: Apache-2.0
// Services that were written for another load balancer.
#pragma once

#include <cstdint>

#include "barevip/model/service.h"

namespace barevip::assigner {

/// Whose annotations are read besides our own.
enum class Compat : std::uint8_t { kNone, kMetalLb };

/// Puts what their annotations ask for in the place of ours, where ours is not there, and notes in
/// Service::writtenAs what was written. With kMetalLb: metallb.io/ and, after it, the old prefix
/// metallb.universe.tf/. An empty annotation of ours is there; an empty share key of MetalLB is
/// none, as it is to MetalLB.
void readAnnotationsOf(Compat other, model::Service& service);

}  // namespace barevip::assigner
