// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/traffic_metrics.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "barevip/base/log.h"

#include "ipvsnode/apply/netlink_errors.h"

namespace barevip::node {
namespace {

struct CounterFamily {
  const char* name;
  const char* help;
  std::uint64_t ipvs::TrafficCounters::*value;
};

constexpr std::array<CounterFamily, 5> kVipCounters{{
    {"barevip_node_vip_connections_total", "Connections to a port of a VIP that IPVS took.",
     &ipvs::TrafficCounters::connections},
    {"barevip_node_vip_incoming_packets_total", "Packets from clients to a port of a VIP.",
     &ipvs::TrafficCounters::incomingPackets},
    {"barevip_node_vip_outgoing_packets_total", "Packets to clients from a port of a VIP.",
     &ipvs::TrafficCounters::outgoingPackets},
    {"barevip_node_vip_incoming_bytes_total",
     "Bytes from clients to a port of a VIP, IP headers included.",
     &ipvs::TrafficCounters::incomingBytes},
    {"barevip_node_vip_outgoing_bytes_total",
     "Bytes to clients from a port of a VIP, IP headers included.",
     &ipvs::TrafficCounters::outgoingBytes},
}};

constexpr std::array<CounterFamily, 5> kBackendCounters{{
    {"barevip_node_backend_connections_total", "Connections that IPVS gave to a backend.",
     &ipvs::TrafficCounters::connections},
    {"barevip_node_backend_incoming_packets_total", "Packets from clients to a backend.",
     &ipvs::TrafficCounters::incomingPackets},
    {"barevip_node_backend_outgoing_packets_total", "Packets to clients from a backend.",
     &ipvs::TrafficCounters::outgoingPackets},
    {"barevip_node_backend_incoming_bytes_total",
     "Bytes from clients to a backend, IP headers included.",
     &ipvs::TrafficCounters::incomingBytes},
    {"barevip_node_backend_outgoing_bytes_total",
     "Bytes to clients from a backend, IP headers included.",
     &ipvs::TrafficCounters::outgoingBytes},
}};

obs::Labels labelsOf(const VipPort& vipPort) {
  return {{"namespace", vipPort.service->key.ns},
          {"service", vipPort.service->key.name},
          {"address", vipPort.key.vip.toString()},
          {"port", std::to_string(vipPort.key.port)},
          {"protocol", std::string(model::toString(vipPort.key.protocol))}};
}

obs::Labels labelsOf(const obs::Labels& server, const ipvs::RealServerKey& backend) {
  obs::Labels labels = server;
  labels.emplace_back("backend_address", backend.address.toString());
  labels.emplace_back("backend_port", std::to_string(backend.port));
  return labels;
}

}  // namespace

TrafficMetrics::TrafficMetrics(ipvs::Traffic& kernel, std::function<bool()> counting,
                               const Clock& clock, obs::Registry& metrics, TrafficLimits limits)
    : kernel_(kernel),
      counting_(std::move(counting)),
      clock_(clock),
      limits_(limits),
      metrics_(metrics),
      failures_(metrics.counter("barevip_node_traffic_read_failures_total",
                                "Readings of IPVS's counters that failed.")),
      seconds_(metrics.gauge("barevip_node_traffic_read_seconds",
                             "How long the last reading of IPVS's counters took.")) {
  addServerMetrics(metrics);
  addBackendMetrics(metrics);
  addOwnMetrics(metrics);
}

void TrafficMetrics::addServerMetrics(obs::Registry& metrics) {
  for (const CounterFamily& family : kVipCounters) {
    metrics.countersFrom(family.name, family.help, [this, value = family.value] {
      return samples([value](const Shown& shown, const ListedTraffic& one,
                             const obs::Labels& labels, std::vector<obs::Sample>& result) {
        if (!shown.counting) return;
        result.push_back({labels, static_cast<double>(one.server.counters.*value)});
      });
    });
  }
  const auto addGauge = [&](const char* name, const char* help,
                            std::uint64_t ListedTraffic::*value) {
    metrics.gaugesFrom(name, help, [this, value] {
      return samples([value](const Shown& /*shown*/, const ListedTraffic& one,
                             const obs::Labels& labels, std::vector<obs::Sample>& result) {
        result.push_back({labels, static_cast<double>(one.*value)});
      });
    });
  };
  addGauge("barevip_node_vip_active_connections",
           "Connections to a port of a VIP that are active, of all backends.",
           &ListedTraffic::activeConnections);
  addGauge("barevip_node_vip_inactive_connections",
           "Connections to a port of a VIP that IPVS remembers and that are not active.",
           &ListedTraffic::inactiveConnections);
}

void TrafficMetrics::addBackendMetrics(obs::Registry& metrics) {
  for (const CounterFamily& family : kBackendCounters) {
    metrics.countersFrom(family.name, family.help, [this, value = family.value] {
      return samples([value](const Shown& shown, const ListedTraffic& one,
                             const obs::Labels& labels, std::vector<obs::Sample>& result) {
        if (!shown.counting) return;
        for (const ipvs::RealServerTraffic& real : one.realServers) {
          result.push_back({labelsOf(labels, real.key), static_cast<double>(real.counters.*value)});
        }
      });
    });
  }
  const auto addGauge = [&](const char* name, const char* help,
                            std::uint32_t ipvs::RealServerTraffic::*value) {
    metrics.gaugesFrom(name, help, [this, value] {
      return samples([value](const Shown& /*shown*/, const ListedTraffic& one,
                             const obs::Labels& labels, std::vector<obs::Sample>& result) {
        for (const ipvs::RealServerTraffic& real : one.realServers) {
          result.push_back({labelsOf(labels, real.key), static_cast<double>(real.*value)});
        }
      });
    });
  };
  addGauge("barevip_node_backend_active_connections", "Connections of a backend that are active.",
           &ipvs::RealServerTraffic::activeConnections);
  addGauge("barevip_node_backend_inactive_connections",
           "Connections of a backend that IPVS remembers and that are not active.",
           &ipvs::RealServerTraffic::inactiveConnections);
}

void TrafficMetrics::addOwnMetrics(obs::Registry& metrics) {
  const auto addLeftOut = [&](const char* kind, std::size_t TrafficReading::*value) {
    metrics.gaugeFrom("barevip_node_traffic_left_out",
                      "What has no series of its own, since there are too many of its kind.",
                      [this, value] { return static_cast<double>(view().shown->reading.*value); },
                      {{"kind", kind}});
  };
  addLeftOut("vip", &TrafficReading::virtualServersLeftOut);
  addLeftOut("backend", &TrafficReading::realServersLeftOut);
  metrics.gaugeFrom("barevip_node_traffic_counting",
                    "1 if the kernel updates IPVS's counters; without that they have no series.",
                    [this] { return view().shown->counting ? 1 : 0; });
}

void TrafficMetrics::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void TrafficMetrics::serve(std::vector<VipPort> vipPorts) {
  auto next = std::make_shared<const std::vector<VipPort>>(std::move(vipPorts));
  const std::lock_guard lock(mutex_);
  vipPorts_.swap(next);
}

TrafficMetrics::View TrafficMetrics::view() const {
  const std::lock_guard lock(mutex_);
  return {shown_, vipPorts_};
}

std::vector<obs::Sample> TrafficMetrics::samples(const ServerSamples& add) const {
  const View now = view();
  std::vector<obs::Sample> result;
  for (const ListedTraffic& one : now.shown->reading.listed) {
    const VipPort* const vipPort = findVipPort(*now.vipPorts, one.server.key);
    if (vipPort != nullptr) add(*now.shown, one, labelsOf(*vipPort), result);
  }
  return result;
}

MonotonicTime TrafficMetrics::read() {
  auto next = std::make_shared<Shown>();
  next->counting = counting_();  // it may wait for a program in the namespace: no part of the time
  const MonotonicTime start = clock_.now();
  auto reading = readTraffic(kernel_, *view().vipPorts, lastGood_->reading, limits_);
  if (reading) {
    next->reading = std::move(*reading);
    lastGood_ = next;
    lastFailure_.clear();
  } else {
    failures_.add();
    countNetlinkError(metrics_, reading.error().detail);
    if (std::exchange(lastFailure_, reading.error().message) != reading.error().message) {
      log::warn("there are no metrics of traffic", {{"reason", reading.error().message}});
    }
  }
  {
    const std::lock_guard lock(mutex_);
    shown_ = std::move(next);
  }
  const MonotonicTime end = clock_.now();
  seconds_.set(std::chrono::duration<double>(end - start).count());
  return std::max<MonotonicTime>(start + kPeriod, end + kLeastPause * (end - start));
}

void TrafficMetrics::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const MonotonicTime next = read();
    std::unique_lock lock(mutex_);
    clock_.waitUntil(lock, wake_, stop, next, [] { return false; });
  }
}

}  // namespace barevip::node
