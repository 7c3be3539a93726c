// SPDX-License-Identifier: Apache-2.0
// The complete lists that a session begins with.
#pragma once

#include <stop_token>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "operator/session/reservation_quota.h"
#include "operator/session/service_decoder.h"

namespace barevip::controlplane {

/// What the API server holds now. An object that cannot be decoded is left out. kExpired: the list
/// grew too old between its pages; begin again after a pause.
[[nodiscard]] Result<std::vector<model::Pool>> listPools(kube::Api& api,
                                                         const std::stop_token& stop);
[[nodiscard]] Result<std::vector<model::Namespace>> listNamespaces(kube::Api& api,
                                                                   const std::stop_token& stop);
/// Of these there are many: one that equals what the store has is the very same object. Of IP
/// objects those that IpObjectSink keeps; without `exists` every Service does.
[[nodiscard]] Result<std::vector<kube::Store<model::IpObject>::Ptr>> listIpObjects(
    kube::Api& api, const kube::Store<model::IpObject>& known, const std::stop_token& stop,
    const ReservationQuota::Exists& exists = {});
[[nodiscard]] Result<std::vector<kube::Store<model::Service>::Ptr>> listServices(
    kube::Api& api, const ServiceDecoder& decode, const kube::Store<model::Service>& known,
    const std::stop_token& stop);

}  // namespace barevip::controlplane
