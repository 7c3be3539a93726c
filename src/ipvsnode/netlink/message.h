// SPDX-License-Identifier: Apache-2.0
// One netlink message, to be sent or as received: header, family header, attributes.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

struct nl_msg;

namespace barevip::netlink {

struct MessageDeleter {
  void operator()(nl_msg* message) const;
};

/// A message to be sent. Its sequence number, port and NLM_F_ACK are set by who sends it.
using Message = std::unique_ptr<nl_msg, MessageDeleter>;

/// The bytes of any trivially copyable value, as they lie in memory.
template <class T>
[[nodiscard]] std::span<const std::byte> bytesOf(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(&value, 1));
}

/// A message of a type with NLM_F_REQUEST and further flags, and its family header.
[[nodiscard]] Message newMessage(std::uint16_t type, std::uint16_t flags,
                                 std::span<const std::byte> familyHeader);

/// Appends an attribute. Throws std::bad_alloc beyond 1 KiB, which none of our messages comes near.
void putBytes(nl_msg& message, int attribute, std::span<const std::byte> value);
void putString(nl_msg& message, int attribute, const std::string& value);

/// Appends bytes that are not an attribute: the family header within a nested message.
void putRaw(nl_msg& message, std::span<const std::byte> bytes);

template <class T>
void put(nl_msg& message, int attribute, const T& value) {
  putBytes(message, attribute, bytesOf(value));
}

/// Appends an attribute that holds those which `fill` appends.
void putNested(nl_msg& message, int attribute, const std::function<void()>& fill);

/// The whole message, header included.
[[nodiscard]] std::span<const std::byte> bytesOf(const nl_msg& message);

/// A message as received, checked to be as long as it says.
class Received {
 public:
  /// nullopt if the bytes are not a whole message.
  [[nodiscard]] static std::optional<Received> parse(std::span<const std::byte> bytes);

  [[nodiscard]] const nlmsghdr& header() const { return header_; }
  /// What follows the header.
  [[nodiscard]] std::span<const std::byte> payload() const { return payload_; }

  /// The fixed header of the message's family at the front of the payload, if it is long enough.
  template <class T>
  [[nodiscard]] std::optional<T> familyHeader() const {
    static_assert(std::is_trivially_copyable_v<T>);
    if (payload_.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, payload_.data(), sizeof(T));
    return value;
  }

  /// The attributes behind a family header of that many bytes.
  [[nodiscard]] std::span<const std::byte> attributes(std::size_t familyHeaderBytes) const;

 private:
  nlmsghdr header_{};
  std::span<const std::byte> payload_;
};

/// Calls `each` for every whole message of a datagram; false if something else is left over.
bool forEachMessage(std::span<const std::byte> datagram,
                    const std::function<void(const Received&)>& each);

/// Attributes by number; views into the bytes that they were parsed from. Numbers of kMax and more,
/// which later kernels may add, are ignored; of repeated ones the last counts.
class Attributes {
 public:
  static constexpr std::size_t kMax = 64;

  explicit Attributes(std::span<const std::byte> bytes);

  [[nodiscard]] bool has(int attribute) const { return find(attribute) != nullptr; }
  /// Empty if it is missing.
  [[nodiscard]] std::span<const std::byte> bytes(int attribute) const;
  [[nodiscard]] Attributes nested(int attribute) const { return Attributes(bytes(attribute)); }
  /// Up to the first NUL; empty if it is missing.
  [[nodiscard]] std::string string(int attribute) const;

  /// nullopt if it is missing or too short.
  template <class T>
  [[nodiscard]] std::optional<T> get(int attribute) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto value = bytes(attribute);
    if (value.size() < sizeof(T)) return std::nullopt;
    T result;
    std::memcpy(&result, value.data(), sizeof(T));
    return result;
  }

 private:
  [[nodiscard]] const nlattr* find(int attribute) const;

  std::array<nlattr*, kMax> table_{};
};

}  // namespace barevip::netlink
