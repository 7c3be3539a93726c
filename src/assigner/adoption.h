// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/kube/event_sink.h"
#include "barevip/model/service.h"

#include "assigner/allocator.h"

namespace barevip::assigner {

/// Takes over what a Service of ours shows that somebody else gave, left by another load balancer
/// or restored from a backup: the Service holds these addresses from now on, admitted or not.
///
/// All or nothing: each entry that it shows must be an address of a family of its own, in a Pool
/// that gives, and held by nobody else, or by Services that it may share it with. Else false, and
/// nothing changes.
bool adopt(Allocator& allocator, const model::Service& service);

/// That it happened.
[[nodiscard]] kube::Event adoptedEvent(const model::Service& service);

}  // namespace barevip::assigner
