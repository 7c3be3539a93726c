// SPDX-License-Identifier: Apache-2.0
// How GoogleTest shows our values when an expectation fails.
#pragma once

#include <ostream>

#include "barevip/ipvs/kernel.h"
#include "barevip/net/rtnetlink.h"

namespace barevip::ipvs {

inline void PrintTo(const VirtualServer& server, std::ostream* out) {
  *out << toString(server.key) << " " << server.options.scheduler << " flags "
       << server.options.flags << " persistent " << server.options.persistenceSeconds << " s";
  for (const auto& realServer : server.realServers) {
    *out << "; " << realServer.key.address.toString() << " port " << realServer.key.port
         << " weight " << realServer.weight << (realServer.foreignMethod ? " foreign method" : "");
  }
}

inline void PrintTo(const Op& op, std::ostream* out) { *out << toString(op); }

}  // namespace barevip::ipvs

namespace barevip::net {

inline void PrintTo(const NetOp& op, std::ostream* out) {
  *out << (op.kind == NetOp::Kind::kAdd ? "add " : "delete ") << toString(op.item);
}

}  // namespace barevip::net

/// Item is a std::variant, whose namespace is not ours to add to.
template <>
struct testing::internal::UniversalPrinter<barevip::net::NetObject> {
  static void Print(const barevip::net::NetObject& item, std::ostream* out) {
    *out << barevip::net::toString(item);
  }
};
