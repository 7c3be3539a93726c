// SPDX-License-Identifier: Apache-2.0
// Answers /healthz, /readyz and /metrics, and the status page of the operator.
// docs/decisions/0004-own-health-endpoint.md says why it is not a library's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "barevip/base/result.h"

#include "common/base/file_descriptor.h"
#include "common/obs/event_stream.h"
#include "common/obs/gate.h"
#include "common/obs/http_exchange.h"
#include "common/obs/tls_options.h"
#include "common/obs/tls_server.h"

namespace barevip::obs {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string contentType = "text/plain; charset=utf-8";
};

/// A small HTTP/1.0 server for GET and HEAD of a few fixed paths: one thread, many clients at a
/// time, each bounded in time and size, so that a slow or hostile client keeps nobody else waiting.
/// When there are too many, the oldest gives way. As long as a client is being sent a page, others
/// are sent the same copy of it, for a second: a page of metrics may have megabytes. Readers of an
/// event stream are counted apart: one too many is refused.
class HttpServer {
 public:
  using Handler = std::function<HttpAnswer()>;

  struct Settings {
    std::string flag = "--metrics-address";  ///< sets the address; for messages
    std::string headers;                     ///< of each reply; each line with its "\r\n"
    /// Refuses requests for a host that is neither an IP address nor localhost: pages of other
    /// sites, whose name leads to this server (DNS rebinding), cannot read it then.
    bool refusesNames = false;
    TlsOptions tls{};
    std::chrono::milliseconds clientTime{5'000};  ///< for handshake, request and reply
  };

  HttpServer() : HttpServer(Settings{}) {}
  explicit HttpServer(Settings settings) : settings_(std::move(settings)) {}
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before start. Handlers run on the server's thread. gate: which clients get the page, it
  /// outlives this; null: all.
  void handle(const std::string& path, Handler handler, Gate* gate = nullptr) {
    pages_[path].handler = std::move(handler);
    pages_[path].gate = gate;
  }

  /// Before start. The stream outlives this; most: readers at a time.
  void handleStream(const std::string& path, EventStream& stream, std::size_t most) {
    streams_[path] = {&stream, most};
  }

  /// address: "host:port", "[host]:port" or ":port" (all addresses of both families); port 0 takes
  /// a free one. Returns the port. kInvalid: the address, or the files of TLS, are of no use.
  Result<std::uint16_t> start(const std::string& address);

 private:
  struct Page {
    Handler handler;
    Gate* gate = nullptr;
    std::weak_ptr<const std::string> reply;  ///< that clients are being sent
    std::chrono::steady_clock::time_point made;
  };
  struct Stream {
    EventStream* events = nullptr;
    std::size_t most = 0;
  };

  Result<void> prepare();
  void serve(const std::stop_token& stop);
  [[nodiscard]] std::optional<Connection> connectionOf(FileDescriptor client);
  [[nodiscard]] std::optional<HttpExchange::Reply> replyTo(std::string_view request);
  [[nodiscard]] std::optional<HttpExchange::Reply> replyTo(const std::string& path,
                                                           std::string_view request);
  [[nodiscard]] Outgoing::Bytes bytesOf(const HttpAnswer& answer) const;
  [[nodiscard]] Outgoing::Bytes bytesOf(Page& page) const;
  [[nodiscard]] std::string knownPaths() const;

  const Settings settings_;
  std::map<std::string, Page> pages_;
  std::map<std::string, Stream> streams_;
  FileDescriptor listener_;
  std::unique_ptr<TlsServer> tls_;  ///< null: plain
  /// Shared with the gates, which may have a verdict after the end of this.
  std::shared_ptr<FileDescriptor> wake_;
  std::jthread thread_;
};

}  // namespace barevip::obs
