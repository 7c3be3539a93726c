// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/l2/announcer_raw.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "common/base/stop_event.h"
#include "common/base/system_error.h"
#include "ipvsnode/announce/l2/arp_frame.h"
#include "ipvsnode/announce/l2/device_info.h"
#include "ipvsnode/announce/l2/ndp_packet.h"

namespace barevip::host {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNdpHopLimit = 255;  ///< RFC 4861, 7.1: proves that no router passed it on
constexpr int kQuestions = 3;      ///< PROBE_NUM of RFC 5227

Error socketError(const std::string& what, int number) {
  Error error = systemError(what, number);
  if (error.code == ErrorCode::kForbidden) error.message += " (CAP_NET_RAW is needed for it)";
  return error;
}

Result<FileDescriptor> packetSocket(std::uint16_t protocol) {
  FileDescriptor fd(
      ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(protocol)));
  if (!fd.valid()) return tl::make_unexpected(socketError("cannot open a packet socket", errno));
  return fd;
}

/// A raw ICMPv6 socket that receives advertisements or nothing.
Result<FileDescriptor> icmp6Socket(bool receive) {
  FileDescriptor fd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6));
  if (!fd.valid()) return tl::make_unexpected(socketError("cannot open an ICMPv6 socket", errno));
  icmp6_filter filter{};
  ICMP6_FILTER_SETBLOCKALL(&filter);
  if (receive) ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
  const int on = 1;
  const int off = 0;
  const bool set =
      ::setsockopt(fd.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) == 0 &&
      ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &kNdpHopLimit,
                   sizeof(kNdpHopLimit)) == 0 &&
      ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) == 0 &&
      ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) == 0;
  if (!set) return tl::make_unexpected(socketError("cannot set up an ICMPv6 socket", errno));
  return fd;
}

/// What probe and announce need to know of the device.
struct Ethernet {
  int index = 0;
  MacAddress mac{};
  std::optional<IpAddress> ipv4;
};

Result<Ethernet> ethernet(int control, const std::string& device) {
  const auto info = deviceInfo(control, device);
  if (!info) return tl::make_unexpected(info.error());
  if (!info->mac) {
    return fail(ErrorCode::kUnsupported,
                "device " + device + " is not an Ethernet device: nothing can be announced on it");
  }
  return Ethernet{info->index, *info->mac, info->ipv4};
}

Result<void> sendArp(int socket, const Ethernet& device, const ArpPacket& packet) {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETHERTYPE_ARP);
  to.sll_ifindex = device.index;
  to.sll_halen = ETH_ALEN;
  std::fill_n(std::begin(to.sll_addr), ETH_ALEN, std::uint8_t{0xff});
  const auto bytes = encode(packet);
  sockaddr_storage address{};
  std::memcpy(&address, &to, sizeof(to));
  if (::sendto(socket, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address),
               sizeof(to)) < 0) {
    return tl::make_unexpected(
        socketError("cannot send ARP for " + packet.target.toString(), errno));
  }
  return {};
}

Result<void> sendIcmp6(int socket, int index, const IpAddress& to, const IpAddress& about,
                       std::span<const std::byte> bytes) {
  sockaddr_in6 target{};
  target.sin6_family = AF_INET6;
  const auto octets = to.bytes();
  std::memcpy(&target.sin6_addr, octets.data(), octets.size());
  target.sin6_scope_id = static_cast<std::uint32_t>(index);
  sockaddr_storage address{};
  std::memcpy(&address, &target, sizeof(target));
  if (::sendto(socket, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&address),
               sizeof(target)) < 0) {
    return tl::make_unexpected(
        socketError("cannot send neighbour discovery for " + about.toString(), errno));
  }
  return {};
}

Result<void> bindPacketSocket(int socket, int index) {
  sockaddr_ll here{};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(ETHERTYPE_ARP);
  here.sll_ifindex = index;
  sockaddr_storage address{};
  std::memcpy(&address, &here, sizeof(here));
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(here)) != 0) {
    return tl::make_unexpected(socketError("cannot listen for ARP", errno));
  }
  return {};
}

/// Who claims the address, in one received ARP packet.
std::optional<std::string> readArpAnswer(int socket, const IpAddress& address,
                                         const MacAddress& mac) {
  std::array<std::byte, 256> buffer;
  while (true) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0) return std::nullopt;
    const auto packet = decodeArp(std::span(buffer).first(static_cast<std::size_t>(got)));
    if (packet && ipObjects(*packet, address, mac)) return toString(packet->senderMac);
  }
}

/// Who claims the address, in received neighbour advertisements.
std::optional<std::string> readNdpAnswer(int socket, const IpAddress& address,
                                         const MacAddress& mac) {
  std::array<std::byte, 2048> buffer;
  while (true) {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::byte, 256> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(socket, &message, 0);
    if (got < 0) return std::nullopt;
    int hopLimit = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT) {
        std::memcpy(&hopLimit, CMSG_DATA(c), sizeof(hopLimit));
      }
    }
    const auto answer = decodeAdvertisement(std::span(buffer).first(static_cast<std::size_t>(got)));
    if (hopLimit != kNdpHopLimit || !answer || answer->target != address) continue;
    if (!answer->mac) return std::string("unknown");
    if (*answer->mac != mac) return toString(*answer->mac);
  }
}

/// Asks kQuestions times, evenly over `wait`, and reads what comes until then.
template <class Ask, class Read>
Result<std::optional<std::string>> askAround(int socket, std::chrono::milliseconds wait,
                                             std::stop_token stop, Ask ask, Read read) {
  const StopEvent stopEvent(std::move(stop));
  const Clock::time_point start = Clock::now();
  for (int question = 0; question < kQuestions; ++question) {
    if (auto asked = ask(question); !asked) return tl::make_unexpected(asked.error());
    const Clock::time_point next = start + wait * (question + 1) / kQuestions;
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
      if (left.count() <= 0) break;
      std::array<pollfd, 2> fds{{{stopEvent.get(), POLLIN, 0}, {socket, POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
        return tl::make_unexpected(systemError("poll", errno));
      }
      if (fds[0].revents != 0) return fail(ErrorCode::kStopped, "stopped while asking around");
      if (fds[1].revents == 0) continue;
      if (auto holder = read()) return holder;
    }
  }
  return std::nullopt;
}

Result<void> announceArp(int socket, const Ethernet& at, const IpAddress& address) {
  for (const auto operation : {ArpPacket::Operation::kRequest, ArpPacket::Operation::kReply}) {
    if (auto sent = sendArp(socket, at, gratuitousArp(operation, at.mac, address)); !sent) {
      return sent;
    }
  }
  return {};
}

Result<void> announceNdp(int socket, const Ethernet& at, const IpAddress& address) {
  if (socket < 0) {
    return fail(ErrorCode::kUnsupported,
                "the kernel has no IPv6: cannot announce " + address.toString());
  }
  const IpAddress allNodes = IpAddress::fromNumber(Family::kIpv6, (Uint128{0xff02} << 112U) | 1U);
  return sendIcmp6(socket, at.index, allNodes, address, unsolicitedAdvertisement(address, at.mac));
}

}  // namespace

RawAnnouncer::RawAnnouncer(FileDescriptor control, FileDescriptor packet, FileDescriptor icmp6)
    : control_(std::move(control)), packet_(std::move(packet)), icmp6_(std::move(icmp6)) {}

Result<RawAnnouncer> RawAnnouncer::open() {
  FileDescriptor control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control.valid()) return tl::make_unexpected(systemError("cannot open a socket", errno));
  auto packet = packetSocket(0);
  if (!packet) return tl::make_unexpected(packet.error());
  auto icmp6 = icmp6Socket(false);
  if (!icmp6 && icmp6.error().detail != EAFNOSUPPORT) return tl::make_unexpected(icmp6.error());
  return RawAnnouncer(std::move(control), *std::move(packet),
                      icmp6 ? *std::move(icmp6) : FileDescriptor());
}

net::AnnounceOutcome RawAnnouncer::announce(const std::vector<IpAddress>& addresses,
                                            const std::string& device) {
  net::AnnounceOutcome outcome;
  if (addresses.empty()) return outcome;
  const auto at = ethernet(control_.get(), device);
  if (!at) {
    if (at.error().code != ErrorCode::kUnsupported) outcome.unsent = addresses;
    outcome.failure = at.error();
    return outcome;
  }
  // One that cannot be sent does not keep the others from being sent.
  for (const IpAddress& address : addresses) {
    const auto sent = address.isIpv4() ? announceArp(packet_.get(), *at, address)
                                       : announceNdp(icmp6_.get(), *at, address);
    if (sent) continue;
    if (sent.error().code != ErrorCode::kUnsupported) outcome.unsent.push_back(address);
    if (!outcome.failure) outcome.failure = sent.error();
  }
  return outcome;
}

Result<std::optional<std::string>> RawAnnouncer::probe(const IpAddress& address,
                                                       const std::string& device,
                                                       std::chrono::milliseconds wait,
                                                       std::stop_token stop) {
  const auto at = ethernet(control_.get(), device);
  if (!at) return tl::make_unexpected(at.error());
  if (address.isIpv4()) {
    const auto listener = packetSocket(ETHERTYPE_ARP);
    if (!listener) return tl::make_unexpected(listener.error());
    if (auto bound = bindPacketSocket(listener->get(), at->index); !bound) {
      return tl::make_unexpected(bound.error());
    }
    return askAround(
        listener->get(), wait, std::move(stop),
        [&](int question) {
          const bool ordinary = question % 2 == 1 && at->ipv4;
          const IpAddress sender = ordinary ? *at->ipv4 : IpAddress();
          return sendArp(packet_.get(), *at, arpQuestion(at->mac, sender, address));
        },
        [&] { return readArpAnswer(listener->get(), address, at->mac); });
  }
  const auto listener = icmp6Socket(true);
  if (!listener) return tl::make_unexpected(listener.error());
  if (::setsockopt(listener->get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                   static_cast<socklen_t>(device.size())) != 0) {
    return tl::make_unexpected(socketError("cannot listen on " + device, errno));
  }
  return askAround(
      listener->get(), wait, std::move(stop),
      [&](int) {
        return sendIcmp6(listener->get(), at->index, solicitedNodeMulticast(address), address,
                         solicitation(address, at->mac));
      },
      [&] { return readNdpAnswer(listener->get(), address, at->mac); });
}

}  // namespace barevip::host
