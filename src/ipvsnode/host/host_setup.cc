// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/host_setup.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/kernel_modules.h"
#include "ipvsnode/host/kube_proxy_mode.h"
#include "ipvsnode/host/namespace_view.h"
#include "ipvsnode/host/sysctl.h"
#include "ipvsnode/netlink/link_setup.h"

namespace barevip::host {

namespace {

using netlink::LinkSetup;

constexpr std::array kPairs{net::kOutside, net::kInside};
constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string deviceNames() {
  std::vector<std::string> names;
  struct Free {
    void operator()(struct if_nameindex* list) const { ::if_freenameindex(list); }
  };
  const std::unique_ptr<struct if_nameindex, Free> list(::if_nameindex());
  for (const auto* entry = list.get(); entry != nullptr && entry->if_index != 0; ++entry) {
    names.emplace_back(entry->if_name);
  }
  return join(names);
}

/// The largest MTU of the bind interfaces, so that the pairs are narrower than none of them; 0:
/// none is named, or it cannot be read. An error if none of those that are named is there.
Result<int> bindMtu(const std::vector<std::string>& names, const NamespaceView& view) {
  if (names.empty()) return 0;
  int largest = 0;
  bool found = false;
  for (const std::string& name : names) {
    const auto device = view.devices.find(name);
    if (device == view.devices.end()) continue;
    found = true;
    largest = std::max(largest, device->second.mtu);
  }
  if (found) return largest;
  return fail(ErrorCode::kNotFound,
              "there is no network interface " + join(names) + " on this node (there are: " +
                  deviceNames() + "): choose another by --bind-iface",
              ENODEV);
}

std::vector<std::string> namesOf(const net::BindInterfaces& interfaces) {
  std::vector<std::string> names;
  for (const net::BindInterface& one : interfaces) names.push_back(one.name);
  return names;
}

/// Does the steps of a set-up in order and remembers the first failure.
class Steps {
 public:
  template <class F>
  Steps& then(F step) {
    if (result_) result_ = step();
    return *this;
  }
  [[nodiscard]] Result<void> result() const { return result_; }

 private:
  Result<void> result_;
};

/// One namespace: what it holds, and the hand to change it. Looks before it writes, so that a right
/// state costs no write.
class Side {
 public:
  /// `thread` lives in the namespace; null is the calling thread.
  static Result<Side> open(std::string name, NamespaceThread* thread) {
    auto setup =
        thread == nullptr ? LinkSetup::open() : thread->run([] { return LinkSetup::open(); });
    if (!setup) return tl::make_unexpected(setup.error());
    Side side(std::move(name), thread, *std::move(setup));
    if (auto seen = side.look(); !seen) return tl::make_unexpected(seen.error());
    return side;
  }

  /// After devices were made.
  Result<void> look() {
    auto view = thread_ == nullptr ? viewNamespace() : thread_->run([] { return viewNamespace(); });
    if (!view) return tl::make_unexpected(view.error());
    view_ = *std::move(view);
    return {};
  }

  [[nodiscard]] const NamespaceView& view() const { return view_; }
  [[nodiscard]] bool has(const std::string& device) const { return view_.devices.contains(device); }
  [[nodiscard]] const std::set<std::string>& advertised() const { return view_.advertised; }
  [[nodiscard]] std::set<IpAddress> gateways() const { return gatewaysOf(view_); }
  LinkSetup& setup() { return setup_; }

  Result<void> remove(const std::string& device, HostSetupReport& report) {
    if (!has(device)) return {};
    view_.devices.erase(device);
    return noted(setup_.deleteLink(device), report, "removed the device " + device);
  }

  Result<void> setMtu(const std::string& device, int mtu, HostSetupReport& report) {
    if (mtu <= 0 || view_.devices[device].mtu == mtu) return {};
    return noted(setup_.setMtu(device, static_cast<std::uint32_t>(mtu)), report,
                 "set the MTU of " + device + " to " + std::to_string(mtu));
  }

  Result<void> addAddress(const std::string& device, const IpAddress& address, std::uint8_t length,
                          HostSetupReport& report) {
    if (view_.devices[device].addresses.contains({address, length})) return {};
    return noted(
        setup_.ensureAddress(device, address, length), report,
        "gave " + device + " the address " + address.toString() + "/" + std::to_string(length));
  }

  Result<void> setUp(const std::string& device, HostSetupReport& report) {
    if (view_.devices[device].up) return {};
    return noted(setup_.setUp(device), report, "set " + device + " up");
  }

  Result<void> routeDefault(const IpAddress& gateway, const std::string& device,
                            HostSetupReport& report) {
    if (view_.defaultRoutes.contains({device, gateway})) return {};
    return noted(setup_.ensureDefaultRoute(gateway, device), report,
                 "made the default route by " + gateway.toString() + " dev " + device);
  }

  Result<void> addDummy(const std::string& device, HostSetupReport& report) {
    if (has(device)) return setup_.ensureDummy(device);  // complains of another kind
    return noted(setup_.ensureDummy(device), report, "made the device " + device);
  }

 private:
  Side(std::string name, NamespaceThread* thread, LinkSetup setup)
      : name_(std::move(name)), thread_(thread), setup_(std::move(setup)) {}

  Result<void> noted(Result<void> result, HostSetupReport& report, const std::string& what) const {
    if (result) report.done.push_back(name_ + ": " + what);
    return result;
  }

  std::string name_;
  NamespaceThread* thread_;
  LinkSetup setup_;
  NamespaceView view_;
};

/// Makes the pairs of which an end is missing: the rest of one that lost its namespace goes.
Result<void> makePairs(Side& node, Side& director, int directorNamespace, HostSetupReport& report) {
  Steps steps;
  for (const net::Pair& pair : kPairs) {
    if (node.has(pair.nodeDevice) && director.has(pair.directorDevice)) continue;
    steps.then([&] { return node.remove(pair.nodeDevice, report); })
        .then([&] { return director.remove(pair.directorDevice, report); })
        .then([&] {
          return node.setup().ensureVeth(pair.nodeDevice, pair.directorDevice, directorNamespace);
        })
        .then([&]() -> Result<void> {
          report.done.push_back(std::string("made the devices ") + pair.nodeDevice +
                                " (node) and " + pair.directorDevice + " (balancer namespace)");
          return {};
        });
  }
  return steps.then([&] { return node.look(); }).then([&] { return director.look(); }).result();
}

Result<void> configureEnd(Side& side, const std::string& device, const IpAddress& address4,
                          const IpAddress& address6, int mtu, bool ipv6, HostSetupReport& report) {
  Steps steps;
  steps.then([&] { return side.setMtu(device, mtu, report); }).then([&] {
    return side.addAddress(device, address4, net::kPairLength4, report);
  });
  if (ipv6) {
    steps.then([&] { return side.addAddress(device, address6, net::kPairLength6, report); });
  }
  return steps.then([&] { return side.setUp(device, report); }).result();
}

/// MTU, addresses, up, and the director's way out.
Result<void> configurePairs(Side& node, Side& director, int mtu, bool ipv6,
                            HostSetupReport& report) {
  Steps steps;
  steps.then([&] { return director.setUp("lo", report); });
  for (const net::Pair& pair : kPairs) {
    steps
        .then([&] {
          return configureEnd(node, pair.nodeDevice, pair.node4, pair.node6, mtu, ipv6, report);
        })
        .then([&] {
          return configureEnd(director, pair.directorDevice, pair.director4, pair.director6, mtu,
                              ipv6, report);
        });
  }
  steps.then([&] {
    return director.routeDefault(net::kOutside.node4, net::kOutside.directorDevice, report);
  });
  if (ipv6) {
    steps.then([&] {
      return director.routeDefault(net::kOutside.node6, net::kOutside.directorDevice, report);
    });
  }
  return steps.result();
}

Result<void> makeDummy(Side& node, HostSetupReport& report) {
  return Steps()
      .then([&] { return node.addDummy(net::kDummyDevice, report); })
      .then([&] { return node.setUp(net::kDummyDevice, report); })
      .result();
}

std::string located(std::string_view where, std::string_view line) {
  std::string text(where);
  return text.append(": ").append(line);
}

void take(HostSetupReport& report, const SysctlReport& sysctls, std::string_view where) {
  for (const std::string& line : sysctls.changed) report.done.push_back(located(where, line));
  for (const std::string& line : sysctls.problems) report.problems.push_back(located(where, line));
}

void takeProblems(HostSetupReport& report, const std::vector<Deviation>& deviations,
                  std::string_view where) {
  for (const Deviation& deviation : deviations) {
    report.problems.push_back(
        located(where, deviation.text)
            .append(
                "; `barevip-node init`, which every start of the pod runs, sets what it may set"));
    if (deviation.breaks) report.broken.insert(*deviation.breaks);
  }
}

/// The bind interfaces may not have heard their routers yet.
void keepAdvertisements(const Side& node, const std::vector<std::string>& bindInterfaces,
                        const SysctlTree& sysctls, HostSetupReport& report) {
  std::set<std::string> devices = node.advertised();
  devices.insert(bindInterfaces.begin(), bindInterfaces.end());
  take(report, sysctls.apply(advertisementSysctls(devices)), "node");
}

Result<void> loadAll(HostSetupReport& report, net::Placement placement, CommandRunner& runner,
                     const std::stop_token& stop) {
  const auto all = loadModules(modulesOf(placement), runner, stop);
  if (!all) return tl::make_unexpected(all.error());
  if (!all->loaded.empty()) report.done.push_back("loaded the modules " + join(all->loaded));
  if (const auto advice = adviseConnectionTable(connectionTableBits())) {
    report.notices.push_back(*advice);
  }
  if (!all->missing.empty()) {
    report.notices.push_back("modules that this kernel does not have: " + join(all->missing));
  }
  return {};
}

/// The namespace at both of its paths. One that is known by its alias alone, as an earlier release
/// left it, is kept with all that is in it.
Result<void> makeNamespace(const HostSetupOptions& options, HostSetupReport& report) {
  const std::string& path = options.namespacePath;
  const std::string& alias = options.namespaceAlias;
  if (!isNamespace(path) && !alias.empty() && isNamespace(alias)) {
    if (auto kept = mountNamespaceAt(alias, path); !kept) {
      return tl::make_unexpected(kept.error());
    }
    report.done.push_back("mounted the network namespace " + alias + " at " + path);
    return {};
  }
  const auto ensured = ensureNamespace(path);
  if (!ensured) return tl::make_unexpected(ensured.error());
  if (*ensured == Ensured::kMade) report.done.push_back("made the network namespace " + path);
  if (alias.empty()) return {};
  const auto mounted = mountNamespaceAt(path, alias);
  if (!mounted) {
    report.notices.push_back("`ip netns exec` does not find the balancer namespace: " +
                             mounted.error().message);
  } else if (*mounted == Ensured::kMade) {
    report.done.push_back("mounted the network namespace at " + alias);
  }
  return {};
}

/// Inode of the namespace behind a path; 0 if there is none.
ino_t inodeOf(const char* path) {
  struct stat info {};
  return ::stat(path, &info) == 0 ? info.st_ino : 0;
}

}  // namespace

Result<HostSetupReport> setUpHost(const HostSetupOptions& options, CommandRunner& runner,
                                  const std::stop_token& stop) {
  HostSetupReport report;
  if (auto able = checkInitCapabilities(); !able) return tl::make_unexpected(able.error());
  const auto view = viewNamespace();
  if (!view) return tl::make_unexpected(view.error());
  const auto mtu = bindMtu(options.bindInterfaces, *view);
  if (!mtu) return tl::make_unexpected(mtu.error());
  const SysctlTree sysctls;
  const KernelVersion kernel = KernelVersion::running();
  const bool ipv6 = sysctls.hasIpv6();
  if (!ipv6) report.notices.push_back("IPv6 is disabled on this node: IPv4 only");
  if (auto loaded = loadAll(report, options.placement, runner, stop); !loaded) {
    return tl::make_unexpected(loaded.error());
  }

  if (options.placement == net::Placement::kHost) {
    auto node = Side::open("node", nullptr);
    if (!node) return tl::make_unexpected(node.error());
    if (auto made = makeDummy(*node, report); !made) return tl::make_unexpected(made.error());
    if (ipv6) keepAdvertisements(*node, options.bindInterfaces, sysctls, report);
    take(report, sysctls.apply(hostPlacementSysctls(options.bindInterfaces, ipv6, kernel)), "node");
    return report;
  }

  if (auto made = makeNamespace(options, report); !made) {
    return tl::make_unexpected(made.error());
  }
  const auto thread = NamespaceThread::start(options.namespacePath);
  if (!thread) return tl::make_unexpected(thread.error());
  const auto directorNamespace = openNamespace(options.namespacePath);
  if (!directorNamespace) return tl::make_unexpected(directorNamespace.error());
  auto node = Side::open("node", nullptr);
  if (!node) return tl::make_unexpected(node.error());
  auto director = Side::open("director", thread->get());
  if (!director) return tl::make_unexpected(director.error());
  if (auto made = makePairs(*node, *director, directorNamespace->get(), report); !made) {
    return tl::make_unexpected(made.error());
  }
  if (ipv6) keepAdvertisements(*node, options.bindInterfaces, sysctls, report);
  // Before the devices come up: they look at some settings only then.
  take(report, sysctls.apply(nodeSysctls(options.bindInterfaces, ipv6)), "node");
  take(report, (*thread)->run([&] { return sysctls.apply(directorSysctls(ipv6, kernel)); }),
       "director");
  if (auto configured = configurePairs(*node, *director, *mtu, ipv6, report); !configured) {
    return tl::make_unexpected(configured.error());
  }
  return report;
}

Result<HostSetupReport> verifyHost(const HostSetupOptions& options, NamespaceThread* director,
                                   CommandRunner& runner, const std::stop_token& stop) {
  HostSetupReport report;
  auto node = Side::open("node", nullptr);
  if (!node) return tl::make_unexpected(node.error());
  const auto mtu = bindMtu(options.bindInterfaces, node->view());
  if (!mtu) return tl::make_unexpected(mtu.error());
  const SysctlTree sysctls;
  const KernelVersion kernel = KernelVersion::running();
  const bool ipv6 = sysctls.hasIpv6();
  report.gateways = node->gateways();
  report.interfaces = bindInterfacesOf(node->view(), options.bindInterfaces);
  const std::vector<std::string> faces = namesOf(report.interfaces);

  if (director == nullptr) {
    if (auto ipvs = checkIpvs(); !ipvs) return tl::make_unexpected(ipvs.error());
    if (auto made = makeDummy(*node, report); !made) return tl::make_unexpected(made.error());
    takeProblems(report, sysctls.check(hostPlacementSysctls(faces, ipv6, kernel)), "node");
    if (auto allowed = hostPlacementAllowed(detectKubeProxyMode(runner, stop)); !allowed) {
      report.problems.push_back(allowed.error().message);
      report.safe = false;
    }
    return report;
  }

  if (auto ipvs = director->run([] { return checkIpvs(); }); !ipvs) {
    return tl::make_unexpected(ipvs.error());
  }
  const ino_t ours = director->run([] { return inodeOf(kOwnNamespace); });
  if (inodeOf(options.namespacePath.c_str()) != ours) {
    report.problems.push_back("the namespace " + options.namespacePath +
                              " was made again under this process: start the pod again");
  }
  const FileDescriptor directorNamespace(
      director->run([] { return ::open(kOwnNamespace, O_RDONLY | O_CLOEXEC); }));
  if (!directorNamespace.valid()) {
    return tl::make_unexpected(systemError("cannot open the balancer namespace", errno));
  }
  auto inside = Side::open("director", director);
  if (!inside) return tl::make_unexpected(inside.error());
  if (auto made = makePairs(*node, *inside, directorNamespace.get(), report); !made) {
    return tl::make_unexpected(made.error());
  }
  if (auto configured = configurePairs(*node, *inside, *mtu, ipv6, report); !configured) {
    return tl::make_unexpected(configured.error());
  }
  takeProblems(report, sysctls.check(nodeSysctls(faces, ipv6)), "node");
  if (ipv6) takeProblems(report, sysctls.check(familySysctls(faces)), "node");
  takeProblems(report, director->run([&] { return sysctls.check(directorSysctls(ipv6, kernel)); }),
               "director");
  return report;
}

Result<HostSetupReport> tearDownHost(const HostSetupOptions& options) {
  HostSetupReport report;
  auto node = Side::open("node", nullptr);
  if (!node) return tl::make_unexpected(node.error());
  for (const char* device :
       {net::kOutside.nodeDevice, net::kInside.nodeDevice, net::kDummyDevice}) {
    if (auto removed = node->remove(device, report); !removed) {
      return tl::make_unexpected(removed.error());
    }
  }
  for (const std::string& path : {options.namespacePath, options.namespaceAlias}) {
    if (path.empty()) continue;
    if (isNamespace(path)) report.done.push_back("removed the network namespace " + path);
    if (auto removed = removeNamespace(path); !removed) {
      return tl::make_unexpected(removed.error());
    }
  }
  return report;
}

}  // namespace barevip::host
