// SPDX-License-Identifier: Apache-2.0
#include "common/kube/server_url.h"

#include "common/kube/host_port.h"

namespace barevip::kube {
namespace {

tl::unexpected<Error> invalid(std::string_view text, const char* why) {
  return fail(ErrorCode::kInvalid, "\"" + std::string(text) + "\" " + why +
                                       ": write it as https://host:port or https://[2001:db8::1]:"
                                       "port");
}

}  // namespace

Result<ServerUrl> parseServerUrl(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme)) return invalid(text, "is not an https URL");
  std::string_view rest = text.substr(kScheme.size());
  ServerUrl url;
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    url.path = rest.substr(slash);
    while (url.path.ends_with('/')) url.path.pop_back();
    rest = rest.substr(0, slash);
  }
  if (const char* wrong = readHostPort(rest, url.host, url.port)) return invalid(text, wrong);
  return url;
}

}  // namespace barevip::kube
