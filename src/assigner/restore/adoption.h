// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "barevip/model/service.h"

#include "assigner/allocation/allocator.h"

namespace barevip::assigner {

/// Takes over what our Service shows and barevip did not allocate, left by another load balancer
/// or restored from a backup: the Service holds these addresses from now on, admitted or not.
///
/// All or nothing: each entry that it shows must be an address of a family of its own, in a Pool
/// that gives, and held by nobody else, or by Services that it may share it with. Else false, and
/// nothing changes.
bool adopt(Allocator& allocator, const model::Service& service);

}  // namespace barevip::assigner
