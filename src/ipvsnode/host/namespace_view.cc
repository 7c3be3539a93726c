// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/namespace_view.h"

#include <ifaddrs.h>
#include <linux/ipv6_route.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"

namespace barevip::host {

namespace {

struct FreeAddresses {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

std::optional<IpAddress> addressOf(const sockaddr* socketAddress) {
  if (socketAddress == nullptr) return std::nullopt;
  std::array<std::byte, 16> bytes{};
  std::size_t size = 0;
  if (socketAddress->sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, socketAddress, sizeof(ipv4));
    size = sizeof(ipv4.sin_addr);
    std::memcpy(bytes.data(), &ipv4.sin_addr, size);
  } else if (socketAddress->sa_family == AF_INET6) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, socketAddress, sizeof(ipv6));
    size = sizeof(ipv6.sin6_addr);
    std::memcpy(bytes.data(), &ipv6.sin6_addr, size);
  } else {
    return std::nullopt;
  }
  const auto address = IpAddress::fromBytes(std::span(bytes).first(size));
  return address ? std::optional(*address) : std::nullopt;
}

std::uint8_t prefixLength(const IpAddress& mask) {
  return static_cast<std::uint8_t>(std::popcount(static_cast<std::uint64_t>(mask.number())) +
                                   std::popcount(static_cast<std::uint64_t>(mask.number() >> 64U)));
}

/// 0 if it cannot be read.
int mtuOf(int socket, std::string_view device) {
  ifreq request{};
  device.copy(std::begin(request.ifr_name), sizeof(request.ifr_name) - 1);
  return ::ioctl(socket, SIOCGIFMTU, &request) == 0 ? request.ifr_mtu : 0;
}

std::string readAll(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string_view> fieldsOf(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return fields;
    line.remove_prefix(begin);
    const std::size_t end = line.find_first_of(" \t");
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return fields;
    line.remove_prefix(end);
  }
}

template <class F>
void forEachLine(std::string_view text, F function) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    function(fieldsOf(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

template <class T>
std::optional<T> parseNumber(std::string_view digits, int base) {
  T value = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value, base);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

/// The lowest metric stays.
void addRoute(std::set<NamespaceView::DefaultRoute>& routes, NamespaceView::DefaultRoute route) {
  const auto there = routes.find(route);
  if (there != routes.end()) {
    if (there->metric <= route.metric) return;
    routes.erase(there);
  }
  routes.insert(std::move(route));
}

/// A network that several addresses of the device's segment may be in.
std::optional<IpPrefix> subnetOf(const IpAddress& address, std::uint8_t length) {
  if (address.isLinkLocal() || length == 0 || length >= address.bits()) return std::nullopt;
  const auto network =
      IpPrefix::parseNetwork(address.toString() + "/" + std::to_string(unsigned{length}));
  return network ? std::optional(*network) : std::nullopt;
}

bool onlyZeros(std::string_view digits) {
  return !digits.empty() && digits.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::set<std::string> preferredDevices(const NamespaceView& view, Family family) {
  std::set<std::string> devices;
  std::uint32_t lowest = ~0U;
  for (const auto& route : view.defaultRoutes) {
    if (route.gateway.family() != family || route.metric > lowest) continue;
    if (route.metric < lowest) devices.clear();
    lowest = route.metric;
    devices.insert(route.device);
  }
  return devices;
}

net::BindInterfaces bindInterfacesOf(const NamespaceView& view,
                                     const std::vector<std::string>& names) {
  net::BindInterfaces result;
  for (const std::string& name : names) {
    const auto device = view.devices.find(name);
    if (device == view.devices.end()) continue;
    net::BindInterface one{name};
    std::set<IpPrefix> subnets;
    for (const auto& [address, length] : device->second.addresses) {
      if (const auto subnet = subnetOf(address, length)) subnets.insert(*subnet);
    }
    one.subnets.assign(subnets.begin(), subnets.end());
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const NamespaceView::DefaultRoute* best = nullptr;
      for (const auto& route : view.defaultRoutes) {
        if (route.device != name || route.gateway.family() != family) continue;
        if (best == nullptr || route.metric < best->metric) best = &route;
      }
      if (best != nullptr) one.gateways.push_back(best->gateway);
    }
    result.push_back(std::move(one));
  }
  return result;
}

std::set<IpAddress> gatewaysOf(const NamespaceView& view) {
  std::set<IpAddress> result;
  for (const auto& route : view.defaultRoutes) result.insert(route.gateway);
  return result;
}

std::set<NamespaceView::DefaultRoute> parseRoutes4(std::string_view text) {
  // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
  std::set<NamespaceView::DefaultRoute> routes;
  forEachLine(text, [&](const std::vector<std::string_view>& fields) {
    if (fields.size() < 8 || !onlyZeros(fields[1]) || !onlyZeros(fields[7])) return;
    // The digits are those of a number in the machine's byte order whose memory is the address.
    const auto memory = parseNumber<std::uint32_t>(fields[2], 16);
    const auto metric = parseNumber<std::uint32_t>(fields[6], 10);
    if (!memory || *memory == 0 || !metric) return;
    const auto gateway = IpAddress::fromBytes(std::as_bytes(std::span(&*memory, 1)));
    if (gateway) addRoute(routes, {std::string(fields[0]), *gateway, *metric});
  });
  return routes;
}

std::set<NamespaceView::DefaultRoute> parseRoutes6(std::string_view text) {
  // destination length source length next-hop metric references use flags device
  std::set<NamespaceView::DefaultRoute> routes;
  forEachLine(text, [&](const std::vector<std::string_view>& fields) {
    if (fields.size() < 10 || !onlyZeros(fields[0]) || !onlyZeros(fields[1])) return;
    if (fields[4].size() != 32 || onlyZeros(fields[4])) return;
    const auto high = parseNumber<std::uint64_t>(fields[4].substr(0, 16), 16);
    const auto low = parseNumber<std::uint64_t>(fields[4].substr(16), 16);
    const auto metric = parseNumber<std::uint32_t>(fields[5], 16);
    if (!high || !low || !metric) return;
    const Uint128 number = (Uint128{*high} << 64U) | *low;
    addRoute(routes,
             {std::string(fields[9]), IpAddress::fromNumber(Family::kIpv6, number), *metric});
  });
  return routes;
}

std::set<std::string> parseAdvertised(std::string_view text) {
  std::set<std::string> devices;
  forEachLine(text, [&](const std::vector<std::string_view>& fields) {
    if (fields.size() < 10) return;
    const auto flags = parseNumber<std::uint32_t>(fields[8], 16);
    if (flags && (*flags & RTF_ADDRCONF) != 0) devices.emplace(fields[9]);
  });
  return devices;
}

Result<NamespaceView> viewNamespace() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) {
    return tl::make_unexpected(systemError("cannot list addresses", errno));
  }
  const std::unique_ptr<ifaddrs, FreeAddresses> list(raw);
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return tl::make_unexpected(systemError("cannot open a socket", errno));
  NamespaceView view;
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    const auto [device, isNew] = view.devices.try_emplace(entry->ifa_name);
    if (isNew) {
      device->second.up = (entry->ifa_flags & IFF_UP) != 0;
      device->second.mtu = mtuOf(socket.get(), device->first);
    }
    const auto address = addressOf(entry->ifa_addr);
    const auto mask = addressOf(entry->ifa_netmask);
    if (address && mask) device->second.addresses.insert({*address, prefixLength(*mask)});
  }
  view.defaultRoutes = parseRoutes4(readAll("/proc/thread-self/net/route"));
  const std::string routes6 = readAll("/proc/thread-self/net/ipv6_route");
  view.defaultRoutes.merge(parseRoutes6(routes6));
  view.advertised = parseAdvertised(routes6);
  return view;
}

}  // namespace barevip::host
