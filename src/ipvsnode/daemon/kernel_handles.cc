// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/kernel_handles.h"

#include <set>
#include <utility>

#include "barevip/base/log.h"

#include "ipvsnode/filter/packet_filter_iptables.h"
#include "ipvsnode/filter/packet_filter_nft.h"
#include "ipvsnode/filter/packet_filter_optional.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/kernel_modules.h"
#include "ipvsnode/host/kube_proxy_mode.h"
#include "ipvsnode/host/namespace_view.h"
#include "ipvsnode/host/sysctl.h"
#include "ipvsnode/netlink/ipvs_traffic.h"

namespace barevip::node {
namespace {

template <class T>
Result<void> keep(Result<T> opened, std::optional<T>& slot) {
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  slot.emplace(std::move(*opened));
  return {};
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Result<std::string> resolveInterface(const std::string& name) {
  const auto view = host::viewNamespace();
  if (!view) return tl::make_unexpected(view.error());
  std::set<std::string> devices;
  for (const auto& [device, details] : view->devices) devices.insert(device);
  if (name != kAutoInterface) {
    if (devices.contains(name)) return name;
    return fail(
        ErrorCode::kInvalid,
        "--bind-iface=" + name + ": there is no such interface; there are " + joined(devices));
  }
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    std::set<std::string> found;
    for (const auto& route : view->defaultRoutes) {
      if (route.gateway.family() == family) found.insert(route.device);
    }
    if (found.size() == 1) return *found.begin();
    if (!found.empty()) {
      return fail(ErrorCode::kInvalid, "--bind-iface=auto: there are default routes by " +
                                           joined(found) + "; name one of them");
    }
  }
  return fail(ErrorCode::kInvalid,
              "--bind-iface=auto: there is no default route; name one of " + joined(devices));
}

Result<std::unique_ptr<KernelHandles>> KernelHandles::open(const Options& options,
                                                           std::stop_token stop) {
  if (auto may = host::checkCapabilities(options.placement); !may) {
    return tl::make_unexpected(std::move(may.error()));
  }
  auto device = resolveInterface(options.bindInterface);
  if (!device) return tl::make_unexpected(std::move(device.error()));
  std::unique_ptr<KernelHandles> handles(
      new KernelHandles({options.placement, *device, options.namespacePath}, std::move(stop)));
  handles->ipv6_ = host::SysctlTree().hasIpv6();

  if (options.placement == Placement::kHost) {
    const auto mode = host::detectKubeProxyMode(handles->runner_, handles->stop_);
    if (auto allowed = host::hostPlacementAllowed(mode); !allowed) {
      return tl::make_unexpected(std::move(allowed.error()));
    }
  } else {
    auto director = host::NamespaceThread::start(options.namespacePath, host::dropCapabilities);
    if (!director) return tl::make_unexpected(std::move(director.error()));
    handles->director_ = std::move(*director);
    handles->directorRunner_.emplace(*handles->director_, handles->runner_);
  }
  if (auto dropped = host::dropCapabilities(); !dropped) {
    return tl::make_unexpected(std::move(dropped.error()));
  }
  if (auto opened = handles->openKernel(); !opened) {
    return tl::make_unexpected(std::move(opened.error()));
  }
  return handles;
}

Result<void> KernelHandles::openKernel() {
  using netlink::IpvsKernel;
  using netlink::RtnetlinkSocket;
  if (!director_) {
    if (auto there = host::checkIpvs(); !there) return there;
    if (auto opened = keep(IpvsKernel::open(), ipvs_); !opened) return opened;
    return keep(RtnetlinkSocket::open({.ownDevices = {net::kDummyDevice}}), nodeLinks_);
  }
  auto inDirector = director_->run([this]() -> Result<void> {
    if (auto there = host::checkIpvs(); !there) return there;
    if (auto opened = keep(IpvsKernel::open(), ipvs_); !opened) return opened;
    return keep(RtnetlinkSocket::open({.ownDevices = {kDirectorDevice}}), directorLinks_);
  });
  if (!inDirector) return inDirector;
  return keep(RtnetlinkSocket::open(), nodeLinks_);
}

Result<void> KernelHandles::openFilters() {
  const auto backend = host::detectBackend(runner_, stop_);
  if (!backend) return tl::make_unexpected(backend.error());
  const auto add = [&](host::FilterRole role, CommandRunner& runner) {
    filters_.push_back(std::make_unique<host::IptablesPacketFilter>(
        host::PacketFilterOptions{role, *backend, ipv6_, host_.bindInterface}, runner, stop_));
  };
  const auto addOptional = [&](host::NftRole role, CommandRunner& runner, std::string without) {
    filters_.push_back(std::make_unique<host::OptionalPacketFilter>(
        std::make_unique<host::NftPacketFilter>(role, runner, stop_), std::move(without)));
  };
  if (director_) {
    add(host::FilterRole::kDirector, *directorRunner_);
    add(host::FilterRole::kNode, runner_);
    addOptional(host::NftRole::kReplies, *directorRunner_,
                "of connections from one port of a client to one port of a pod, by several VIPs or "
                "ports of one, only the newest works: a rule of nf_tables is missing");
    addOptional(host::NftRole::kVips, runner_,
                "a Service with a VIP in spec.externalIPs takes its packets on this node: a rule "
                "of nf_tables is missing");
  } else {
    add(host::FilterRole::kHost, runner_);
    // Of a daemon with the other placement; its VIPs may be kube-proxy's by now.
    if (const auto cleared = host::NftPacketFilter(host::NftRole::kVips, runner_, stop_).clear();
        !cleared && cleared.error().code != ErrorCode::kNotFound) {
      log::warn("the table inet barevip of nf_tables may be left from another placement",
                {{"error", cleared.error().message}});
    }
  }
  return {};
}

KernelWriters KernelHandles::writers() {
  KernelWriters writers{*ipvs_, *nodeLinks_, directorLinks_ ? &*directorLinks_ : nullptr, {}};
  for (const auto& filter : filters_) writers.filters.push_back(filter.get());
  return writers;
}

Result<std::unique_ptr<net::Announcer>> KernelHandles::openAnnouncer() {
  auto announcer = host::RawAnnouncer::open();
  if (!announcer) return tl::make_unexpected(std::move(announcer.error()));
  return std::make_unique<host::RawAnnouncer>(std::move(*announcer));
}

Result<std::unique_ptr<ipvs::Traffic>> KernelHandles::openTraffic() {
  const auto open = [] { return netlink::IpvsTraffic::open(); };
  auto traffic = director_ ? director_->run(open) : open();
  if (!traffic) return tl::make_unexpected(std::move(traffic.error()));
  return std::make_unique<netlink::IpvsTraffic>(std::move(*traffic));
}

bool KernelHandles::countsTraffic() {
  const auto look = [] { return host::estimatesTraffic(); };
  return director_ ? director_->run(look) : look();
}

Result<KernelHandles::Monitors> KernelHandles::watch(const std::function<void()>& changed) {
  Monitors monitors;
  const auto start = [&](const netlink::RtnetlinkSocket& own) {
    netlink::MonitorOptions options;
    options.ownPorts = {own.port()};
    return netlink::Monitor::start(options, [changed](bool /*overrun*/) { changed(); });
  };
  auto onNode = start(*nodeLinks_);
  if (!onNode) return tl::make_unexpected(std::move(onNode.error()));
  monitors.push_back(std::move(*onNode));
  if (!director_) return monitors;
  auto inDirector = director_->run([&] { return start(*directorLinks_); });
  if (!inDirector) return tl::make_unexpected(std::move(inDirector.error()));
  monitors.push_back(std::move(*inDirector));
  return monitors;
}

Result<host::HostSetupReport> KernelHandles::verifyHost() {
  return host::verifyHost(host_, director_.get(), runner_, stop_);
}

}  // namespace barevip::node
