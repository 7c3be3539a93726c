// SPDX-License-Identifier: Apache-2.0
#include "common/kube/proxy.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "barevip/base/ip.h"

#include "common/base/percent.h"
#include "common/kube/host_port.h"

namespace barevip::kube {
namespace {

constexpr std::string_view kSeparator = "://";

tl::unexpected<Error> invalid(const std::string& what) {
  return fail(ErrorCode::kInvalid, what + ": write it as http://host:port");
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

/// `host:port`, `[IPv6]:port`, or a host alone with an empty port.
std::pair<std::string_view, std::string_view> splitPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {text, {}};
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    return {host.substr(1, host.size() - 2), text.substr(colon + 1)};
  }
  if (host.find(':') != std::string_view::npos) return {text, {}};  // an IPv6 address
  return {host, text.substr(colon + 1)};
}

/// Where a request goes, in lower case.
struct Target {
  std::string host;
  std::string port;
  std::optional<IpAddress> address;  ///< if the host is one
};

// One entry of NO_PROXY, in lower case.
bool excludes(std::string_view entry, const Target& target) {
  if (entry == "*") return true;
  if (entry.find('/') != std::string_view::npos) {
    const auto network = IpPrefix::parseNetwork(entry);
    return network && target.address && network->range().contains(*target.address);
  }
  auto [host, port] = splitPort(entry);
  if (host.empty() || (!port.empty() && port != target.port)) return false;
  if (const auto address = IpAddress::parse(host)) return target.address == *address;
  if (target.address) return false;
  if (host.starts_with("*.")) host.remove_prefix(1);
  if (host.starts_with('.')) return target.host.ends_with(host);
  return target.host == host || target.host.ends_with("." + std::string(host));
}

bool isDirect(std::string_view noProxy, const Target& target) {
  if (target.host == "localhost") return true;
  if (target.address && target.address->isLoopback()) return true;
  while (!noProxy.empty()) {
    const std::size_t comma = std::min(noProxy.find(','), noProxy.size());
    if (excludes(trim(noProxy.substr(0, comma)), target)) return true;
    noProxy.remove_prefix(std::min(comma + 1, noProxy.size()));
  }
  return false;
}

}  // namespace

Result<Proxy> parseProxyUrl(std::string_view text) {
  const std::size_t separator = text.find(kSeparator);
  const std::string scheme =
      separator == std::string_view::npos ? std::string() : lower(text.substr(0, separator));
  if (scheme != "http") {
    return invalid(scheme.empty()
                       ? "is not a URL"
                       : "is of the kind \"" + scheme + "\", and only HTTP proxies are supported");
  }
  text.remove_prefix(separator + kSeparator.size());
  text = text.substr(0, text.find_first_of("/?#"));
  Proxy proxy;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = text.substr(0, at);
    const std::size_t colon = std::min(login.find(':'), login.size());
    auto user = percentDecode(login.substr(0, colon));
    auto password = percentDecode(login.substr(std::min(colon + 1, login.size())));
    if (!user || !password) return invalid("has a broken percent sign before its @");
    if (user->empty()) return invalid("has no user before its @");
    proxy.user = std::move(*user);
    proxy.password = std::move(*password);
    text.remove_prefix(at + 1);
  }
  if (const char* wrong = readHostPort(text, proxy.host, proxy.port)) return invalid(wrong);
  return proxy;
}

Result<std::optional<Proxy>> proxyFromEnvironment(
    const std::function<std::optional<std::string>(const std::string& name)>& environment,
    const std::string& host, std::uint16_t port) {
  const auto either = [&](const char* name) {
    const auto value = environment(name);
    return (value ? value : environment(lower(name))).value_or(std::string());
  };
  std::string url = either("HTTPS_PROXY");
  if (url.empty()) return std::optional<Proxy>();
  Target target{lower(host), std::to_string(port), std::nullopt};
  if (const auto address = IpAddress::parse(host)) target.address = *address;
  if (isDirect(lower(either("NO_PROXY")), target)) return std::optional<Proxy>();
  if (url.find(kSeparator) == std::string::npos) url.insert(0, "http://");
  auto proxy = parseProxyUrl(url);
  if (!proxy) return fail(ErrorCode::kInvalid, "HTTPS_PROXY " + proxy.error().message);
  return std::optional<Proxy>(std::move(*proxy));
}

}  // namespace barevip::kube
