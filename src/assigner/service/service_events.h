// SPDX-License-Identifier: Apache-2.0
// What the events of a Service say. Pure.
#pragma once

#include "barevip/base/result.h"
#include "barevip/kube/event_sink.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

/// barevip accepted the addresses that the Service showed already; see adopt().
[[nodiscard]] kube::Event adoptedEvent(const model::Service& service);

/// It shows what barevip did not allocate, and is left as it is. adopts: barevip tried to adopt it.
[[nodiscard]] kube::Event foreignEvent(const model::Service& service, bool adopts);

/// Another controller keeps overwriting its status.
[[nodiscard]] kube::Event overwrittenEvent(const model::Service& service);

/// Its status could not be written for long.
[[nodiscard]] kube::Event statusRefusedEvent(const model::Service& service, const Error& error);

/// What its condition barevip.dev/AddressAssigned says now.
[[nodiscard]] kube::Event conditionEvent(const model::Service& service,
                                         const model::Condition& condition);

}  // namespace barevip::assigner
