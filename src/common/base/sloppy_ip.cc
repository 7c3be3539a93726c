// SPDX-License-Identifier: Apache-2.0
#include "common/base/sloppy_ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace barevip {
namespace {

std::string withoutLeadingZeros(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::size_t dotted = colon == std::string_view::npos ? 0 : colon + 1;
  if (text.find('.', dotted) == std::string_view::npos) return std::string(text);
  std::string result(text.substr(0, dotted));
  for (std::size_t from = dotted; from <= text.size();) {
    const std::size_t end = std::min(text.find('.', from), text.size());
    std::string_view part = text.substr(from, end - from);
    while (part.size() > 1 && part.front() == '0') part.remove_prefix(1);
    result.append(part);
    if (end < text.size()) result.push_back('.');
    from = end + 1;
  }
  return result;
}

}  // namespace

std::optional<IpAddress> parseSloppyIp(std::string_view text) {
  const std::string plain = withoutLeadingZeros(text);
  if (const auto address = IpAddress::parse(plain)) return *address;
  // What is an IPv6 address and was not taken has an IPv4 address in it.
  std::array<std::byte, 16> bytes{};
  if (plain.find('\0') != std::string::npos) return std::nullopt;
  if (inet_pton(AF_INET6, plain.c_str(), bytes.data()) != 1) return std::nullopt;
  const auto address = IpAddress::fromBytes(std::span(bytes).last(4));
  return address ? std::optional(*address) : std::nullopt;
}

}  // namespace barevip
