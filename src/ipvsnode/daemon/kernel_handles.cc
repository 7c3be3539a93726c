// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/kernel_handles.h"

#include <algorithm>
#include <set>
#include <utility>

#include "ipvsnode/daemon/other_rules.h"
#include "ipvsnode/filter/packet_filter_nft.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/kernel_modules.h"
#include "ipvsnode/host/kube_proxy_mode.h"
#include "ipvsnode/host/namespace_view.h"
#include "ipvsnode/host/sysctl.h"
#include "ipvsnode/netlink/ipvs_traffic.h"
#include "ipvsnode/netlink/nft_sets.h"

namespace barevip::node {
namespace {

template <class T>
Result<void> keep(Result<T> opened, std::optional<T>& slot) {
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  slot.emplace(std::move(*opened));
  return {};
}

std::string devicesOf(const host::NamespaceView& view) {
  std::vector<std::string> devices;
  for (const auto& [device, details] : view.devices) devices.push_back(device);
  return joined(devices);
}

Result<std::string> interfaceOfDefaultRoute(const host::NamespaceView& view) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::set<std::string> found = host::preferredDevices(view, family);
    if (found.size() == 1) return *found.begin();
    if (!found.empty()) {
      return fail(ErrorCode::kInvalid,
                  "--bind-iface=auto: there are default routes of one metric by " +
                      joined({found.begin(), found.end()}) + "; name one of them");
    }
  }
  return fail(ErrorCode::kInvalid,
              "--bind-iface=auto: there is no default route; name one of " + devicesOf(view));
}

}  // namespace

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Result<std::vector<std::string>> resolveInterfaces(const std::vector<std::string>& names) {
  const auto view = host::viewNamespace();
  if (!view) return tl::make_unexpected(view.error());
  std::vector<std::string> found;
  const auto add = [&found](const std::string& device) {
    if (std::find(found.begin(), found.end(), device) == found.end()) found.push_back(device);
  };
  for (const std::string& name : names) {
    if (name == kAutoInterface) {
      auto device = interfaceOfDefaultRoute(*view);
      if (!device) return tl::make_unexpected(std::move(device.error()));
      add(*device);
    } else if (view->devices.contains(name)) {
      add(name);
    }
  }
  if (!found.empty()) return found;
  return fail(ErrorCode::kInvalid, "--bind-iface=" + joined(names) +
                                       ": there is no such interface; there are " +
                                       devicesOf(*view));
}

Result<std::unique_ptr<KernelHandles>> KernelHandles::open(const Options& options,
                                                           std::stop_token stop) {
  if (auto may = host::checkCapabilities(options.placement); !may) {
    return tl::make_unexpected(std::move(may.error()));
  }
  auto devices = resolveInterfaces(options.bindInterfaces);
  if (!devices) return tl::make_unexpected(std::move(devices.error()));
  std::unique_ptr<KernelHandles> handles(new KernelHandles(
      {options.placement, std::move(*devices), options.namespacePath}, std::move(stop)));
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
  const auto openSets = [] { return netlink::NftSets::open("barevip"); };
  const auto add = [&](host::FilterRole role, CommandRunner& runner, host::OtherRules others,
                       Result<netlink::NftSets> sets) -> Result<void> {
    if (!sets) return tl::make_unexpected(std::move(sets.error()));
    if (auto works = host::checkNft(role, host_.bindInterfaces, runner, stop_); !works) {
      return works;
    }
    const auto shared = std::make_shared<netlink::NftSets>(std::move(*sets));
    const auto change = [shared](const auto& changes) { return shared->apply(changes); };
    filters_.push_back(std::make_unique<host::NftPacketFilter>(
        host::PacketFilterOptions{role, host_.bindInterfaces, std::move(others), change}, runner,
        stop_));
    return {};
  };
  if (!director_) return add(host::FilterRole::kHost, runner_, otherRules(), openSets());
  host::OtherRules inDirector;
  inDirector.removeFormer = [this] { return director_->run(otherRules().removeFormer); };
  if (auto added = add(host::FilterRole::kDirector, *directorRunner_, std::move(inDirector),
                       director_->run(openSets));
      !added) {
    return added;
  }
  return add(host::FilterRole::kNode, runner_, otherRules(), openSets());
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
