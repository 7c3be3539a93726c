// SPDX-License-Identifier: Apache-2.0
#include "common/kube/texts.h"

#include <chrono>
#include <utility>

#include "common/base/percent.h"
#include "common/kube/api_status.h"

namespace barevip::kube {
namespace {

constexpr std::chrono::milliseconds kDeadline{30'000};

std::string podPath(const ObjectKey& pod, const std::string& suffix = {}) {
  return "/api/v1/namespaces/" + percentEncode(pod.ns, kUnreserved) + "/pods/" +
         percentEncode(pod.name, kUnreserved) + suffix;
}

}  // namespace

TextClient::TextClient(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

Result<std::string> TextClient::read(const std::string& path, std::stop_token stop) {
  HttpRequest request;
  request.path = path;
  request.deadline = kDeadline;
  auto response = transport_->send(request, std::move(stop));
  if (!response) return tl::make_unexpected(std::move(response.error()));
  if (response->status != 200) {
    return tl::make_unexpected(
        errorFromAnswer(response->status, response->body, response->retryAfter));
  }
  return std::move(response->body);
}

std::string logPath(const ObjectKey& pod, const std::string& container, bool previous, int lines,
                    std::size_t bytes) {
  return podPath(pod, "/log?timestamps=true&container=") + percentEncode(container, kUnreserved) +
         "&tailLines=" + std::to_string(lines) + "&limitBytes=" + std::to_string(bytes) +
         (previous ? "&previous=true" : "");
}

std::string podProxyPath(const ObjectKey& pod, int port, const std::string& path) {
  return podPath(pod, ":" + std::to_string(port) + "/proxy" + path);
}

}  // namespace barevip::kube
