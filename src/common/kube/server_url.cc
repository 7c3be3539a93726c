// SPDX-License-Identifier: Apache-2.0
#include "common/kube/server_url.h"

#include <charconv>

#include "barevip/base/ip.h"

namespace barevip::kube {
namespace {

tl::unexpected<Error> invalid(std::string_view text, const char* why) {
  return fail(ErrorCode::kInvalid, "\"" + std::string(text) + "\" " + why +
                                       ": write it as https://host:port or https://[2001:db8::1]:"
                                       "port");
}

bool isHostName(std::string_view host) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  return !host.empty() && host.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

Result<ServerUrl> parseServerUrl(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme)) return invalid(text, "is no https URL");
  std::string_view rest = text.substr(kScheme.size());
  ServerUrl url;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    url.path = rest.substr(slash);
    while (url.path.ends_with('/')) url.path.pop_back();
    rest = rest.substr(0, slash);
  }
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return invalid(text, "has no closing bracket");
    url.host = rest.substr(1, end - 1);
    const auto address = IpAddress::parse(url.host);
    if (!address || address->isIpv4()) return invalid(text, "has no IPv6 address in its brackets");
    rest.remove_prefix(end + 1);
  } else {
    const std::size_t colon = rest.find(':');
    url.host = rest.substr(0, colon);
    if (!isHostName(url.host)) return invalid(text, "has no valid host");
    rest.remove_prefix(url.host.size());
  }
  if (rest.empty()) return url;
  rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), url.port);
  if (error != std::errc() || end != rest.data() + rest.size() || url.port == 0) {
    return invalid(text, "has no valid port");
  }
  return url;
}

}  // namespace barevip::kube
