// SPDX-License-Identifier: Apache-2.0
#include "common/kube/host_port.h"

#include <charconv>

#include "barevip/base/ip.h"

namespace barevip::kube {
namespace {

bool isHostName(std::string_view host) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  return !host.empty() && host.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

const char* readHostPort(std::string_view text, std::string& host, std::uint16_t& port) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return "has no closing bracket";
    host = text.substr(1, end - 1);
    const auto address = IpAddress::parse(host);
    if (!address || address->isIpv4()) return "has no IPv6 address in its brackets";
    text.remove_prefix(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    if (!isHostName(host)) return "has no valid host";
    text.remove_prefix(host.size());
  }
  if (text.empty()) return nullptr;
  if (!text.starts_with(':')) return "has no valid port";
  text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return "has no valid port";
  }
  return nullptr;
}

}  // namespace barevip::kube
