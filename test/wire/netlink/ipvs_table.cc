// SPDX-License-Identifier: Apache-2.0
#include "wire/netlink/ipvs_table.h"

#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#include <cerrno>
#include <span>

namespace barevip::wire_test {
namespace {

using netlink::Attributes;
using netlink::Received;

// The encoder begins with what identifies an entry: family, protocol, address and port; address and
// port.
constexpr std::size_t kServiceKeyBytes = 8 + 8 + 20 + 8;
constexpr std::size_t kDestinationKeyBytes = 20 + 8;

Bytes copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

Bytes keyOf(const Bytes& attributes, std::size_t size) {
  Bytes key = attributes;
  key.resize(size);
  return key;
}

void appendAttribute(Bytes& bytes, int type, std::span<const std::byte> value) {
  const nlattr header{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + value.size()),
                      .nla_type = static_cast<std::uint16_t>(type)};
  const auto headerBytes = netlink::bytesOf(header);
  bytes.insert(bytes.end(), headerBytes.begin(), headerBytes.end());
  bytes.insert(bytes.end(), value.begin(), value.end());
  bytes.resize(NLMSG_ALIGN(bytes.size()));
}

Answer failure(int error) {
  Answer answer;
  answer.error = error;
  return answer;
}

Answer familyAnswer() {
  Answer answer{.error = 0, .text = {}, .replies = {}, .type = GENL_ID_CTRL};
  Bytes payload(sizeof(genlmsghdr));
  appendAttribute(payload, CTRL_ATTR_FAMILY_ID, netlink::bytesOf(IpvsTable::kFamily));
  answer.replies.push_back(payload);
  return answer;
}

}  // namespace

WireKernel::Handler IpvsTable::handler() {
  return [this](const Received& request) { return answer(request); };
}

void IpvsTable::setMissing(bool missing) {
  const std::lock_guard lock(mutex_);
  missing_ = missing;
}

void IpvsTable::setError(int error, std::string text) {
  const std::lock_guard lock(mutex_);
  error_ = error;
  text_ = std::move(text);
}

void IpvsTable::setRepeating(bool repeating) {
  const std::lock_guard lock(mutex_);
  repeating_ = repeating;
}

void IpvsTable::setCut(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  cut_ = bytes;
}

Answer IpvsTable::answer(const Received& request) {
  const std::lock_guard lock(mutex_);
  if (request.header().nlmsg_type == GENL_ID_CTRL)
    return missing_ ? failure(ENOENT) : familyAnswer();
  if (request.header().nlmsg_type != kFamily) return failure(ENOENT);
  if (error_ != 0) return {.error = error_, .text = text_, .replies = {}, .type = 0};
  const std::uint8_t number = request.familyHeader<genlmsghdr>()->cmd;
  if (number == IPVS_CMD_SET_CONFIG || number == IPVS_CMD_GET_CONFIG) {
    return timeouts(request, number);
  }
  const Attributes top(request.attributes(sizeof(genlmsghdr)));
  return command(number, copy(top.bytes(IPVS_CMD_ATTR_SERVICE)),
                 copy(top.bytes(IPVS_CMD_ATTR_DEST)));
}

Answer IpvsTable::timeouts(const Received& request, std::uint8_t number) {
  if (number == IPVS_CMD_SET_CONFIG) {
    timeouts_ = copy(request.attributes(sizeof(genlmsghdr)));
    return {};
  }
  Bytes payload(sizeof(genlmsghdr));
  payload.insert(payload.end(), timeouts_.begin(), timeouts_.end());
  return {.error = 0, .text = {}, .replies = {payload}, .type = kFamily};
}

Answer IpvsTable::command(std::uint8_t number, const Bytes& service, const Bytes& destination) {
  const auto found = servers_.find(keyOf(service, kServiceKeyBytes));
  const bool known = found != servers_.end();
  const Bytes destinationKey = keyOf(destination, kDestinationKeyBytes);
  switch (number) {
    case IPVS_CMD_NEW_SERVICE:
      if (known) return failure(EEXIST);
      servers_[keyOf(service, kServiceKeyBytes)].attributes = service;
      return {};
    case IPVS_CMD_SET_SERVICE:
      if (!known) return failure(ESRCH);
      found->second.attributes = service;
      return {};
    case IPVS_CMD_DEL_SERVICE:
      if (!known) return failure(ESRCH);
      servers_.erase(found);
      return {};
    case IPVS_CMD_NEW_DEST:
      if (!known) return failure(ESRCH);
      return failure(
          found->second.destinations.emplace(destinationKey, destination).second ? 0 : EEXIST);
    case IPVS_CMD_SET_DEST:
      if (!known) return failure(ESRCH);
      if (!found->second.destinations.contains(destinationKey)) return failure(ENOENT);
      found->second.destinations[destinationKey] = destination;
      return {};
    case IPVS_CMD_DEL_DEST:
      if (!known) return failure(ESRCH);
      return failure(found->second.destinations.erase(destinationKey) == 1 ? 0 : ENOENT);
    case IPVS_CMD_GET_SERVICE: {
      std::map<Bytes, Bytes> entries;
      for (const auto& [key, server] : servers_) entries[key] = server.attributes;
      return list(entries, IPVS_CMD_ATTR_SERVICE);
    }
    case IPVS_CMD_GET_DEST:
      return known ? list(found->second.destinations, IPVS_CMD_ATTR_DEST) : Answer{};
    default:
      return failure(EOPNOTSUPP);
  }
}

Answer IpvsTable::list(const std::map<Bytes, Bytes>& entries, int attribute) const {
  Answer answer{.error = 0, .text = {}, .replies = {}, .type = kFamily};
  for (const auto& [key, attributes] : entries) {
    Bytes payload(sizeof(genlmsghdr));
    appendAttribute(payload, attribute, attributes);
    if (cut_ != 0) payload.resize(cut_);
    for (int i = 0; i < (repeating_ ? 2 : 1); ++i) answer.replies.push_back(payload);
  }
  return answer;
}

}  // namespace barevip::wire_test
