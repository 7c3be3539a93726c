// SPDX-License-Identifier: Apache-2.0
// Answers /healthz, /readyz and /metrics. docs/decisions/0004-own-health-endpoint.md says why it
// is not a library's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "barevip/base/result.h"

#include "common/base/file_descriptor.h"
#include "common/obs/http_exchange.h"

namespace barevip::obs {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string contentType = "text/plain; charset=utf-8";
};

/// A small HTTP/1.0 server for GET of a few fixed paths: one thread, many clients at a time, each
/// bounded in time and size, so that a slow or hostile client keeps nobody else waiting. When there
/// are too many, the oldest gives way. As long as a client is being sent a page, others are sent
/// the same copy of it, for a second: a page of metrics may have megabytes.
class HttpServer {
 public:
  using Handler = std::function<HttpAnswer()>;

  HttpServer() = default;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before start. Handlers run on the server's thread.
  void handle(const std::string& path, Handler handler) {
    pages_[path].handler = std::move(handler);
  }

  /// address: "host:port", "[host]:port" or ":port" (all addresses of both families); port 0 takes
  /// a free one. Returns the port.
  Result<std::uint16_t> start(const std::string& address);

 private:
  struct Page {
    Handler handler;
    std::weak_ptr<const std::string> reply;  ///< that clients are being sent
    std::chrono::steady_clock::time_point made;
  };

  void serve(const std::stop_token& stop);
  [[nodiscard]] HttpExchange::Reply replyTo(std::string_view request);
  static HttpExchange::Reply replyOf(Page& page);

  std::map<std::string, Page> pages_;
  FileDescriptor listener_;
  FileDescriptor wake_;
  std::jthread thread_;
};

}  // namespace barevip::obs
