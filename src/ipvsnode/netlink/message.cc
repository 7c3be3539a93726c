// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/message.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <new>

namespace barevip::netlink {
namespace {

constexpr std::size_t kMessageBytes = 1024;

}  // namespace

void MessageDeleter::operator()(nl_msg* message) const { nlmsg_free(message); }

Message newMessage(std::uint16_t type, std::uint16_t flags,
                   std::span<const std::byte> familyHeader) {
  Message message(nlmsg_alloc_size(kMessageBytes));
  if (message == nullptr ||
      nlmsg_put(message.get(), 0, 0, type, 0, NLM_F_REQUEST | flags) == nullptr) {
    throw std::bad_alloc();
  }
  putRaw(*message, familyHeader);
  return message;
}

void putBytes(nl_msg& message, int attribute, std::span<const std::byte> value) {
  if (nla_put(&message, attribute, static_cast<int>(value.size()), value.data()) != 0) {
    throw std::bad_alloc();
  }
}

void putString(nl_msg& message, int attribute, const std::string& value) {
  if (nla_put_string(&message, attribute, value.c_str()) != 0) throw std::bad_alloc();
}

void putRaw(nl_msg& message, std::span<const std::byte> bytes) {
  // libnl copies, but asks for a pointer to what it could change.
  auto* data = const_cast<std::byte*>(bytes.data());
  if (nlmsg_append(&message, data, bytes.size(), NLMSG_ALIGNTO) != 0) throw std::bad_alloc();
}

void putNested(nl_msg& message, int attribute, const std::function<void()>& fill) {
  nlattr* nest = nla_nest_start(&message, attribute);
  if (nest == nullptr) throw std::bad_alloc();
  fill();
  nla_nest_end(&message, nest);
}

std::span<const std::byte> bytesOf(const nl_msg& message) {
  const nlmsghdr* header = nlmsg_hdr(const_cast<nl_msg*>(&message));
  return std::as_bytes(std::span(reinterpret_cast<const char*>(header), header->nlmsg_len));
}

std::optional<Received> Received::parse(std::span<const std::byte> bytes) {
  Received message;
  if (bytes.size() < sizeof(nlmsghdr)) return std::nullopt;
  std::memcpy(&message.header_, bytes.data(), sizeof(nlmsghdr));
  const std::size_t length = message.header_.nlmsg_len;
  if (length < sizeof(nlmsghdr) || length > bytes.size()) return std::nullopt;
  message.payload_ = bytes.subspan(sizeof(nlmsghdr), length - sizeof(nlmsghdr));
  return message;
}

std::span<const std::byte> Received::attributes(std::size_t familyHeaderBytes) const {
  const std::size_t offset = NLMSG_ALIGN(familyHeaderBytes);
  return offset < payload_.size() ? payload_.subspan(offset) : std::span<const std::byte>{};
}

bool forEachMessage(std::span<const std::byte> datagram,
                    const std::function<void(const Received&)>& each) {
  while (!datagram.empty()) {
    const auto message = Received::parse(datagram);
    if (!message) return false;
    each(*message);
    const std::size_t step = NLMSG_ALIGN(message->header().nlmsg_len);
    datagram = step < datagram.size() ? datagram.subspan(step) : std::span<const std::byte>{};
  }
  return true;
}

Attributes::Attributes(std::span<const std::byte> bytes) {
  // Without a policy nla_parse checks lengths only, and cannot fail.
  nla_parse(table_.data(), kMax - 1,
            reinterpret_cast<nlattr*>(const_cast<std::byte*>(bytes.data())),
            static_cast<int>(bytes.size()), nullptr);
}

const nlattr* Attributes::find(int attribute) const {
  return table_.at(static_cast<std::size_t>(attribute));
}

std::span<const std::byte> Attributes::bytes(int attribute) const {
  const nlattr* found = find(attribute);
  if (found == nullptr) return {};
  return {static_cast<const std::byte*>(nla_data(found)), static_cast<std::size_t>(nla_len(found))};
}

std::string Attributes::string(int attribute) const {
  const auto value = bytes(attribute);
  const auto* text = reinterpret_cast<const char*>(value.data());
  return value.empty() ? std::string() : std::string(text, strnlen(text, value.size()));
}

}  // namespace barevip::netlink
