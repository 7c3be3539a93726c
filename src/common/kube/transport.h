// SPDX-License-Identifier: Apache-2.0
// HTTPS to one API server.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barevip/base/result.h"

#include "common/kube/exec_plugin.h"
#include "common/kube/proxy.h"

namespace barevip::kube {

/// PEM text, from a file that is read again for each connection (certificates rotate) or given.
struct Pem {
  std::string file;
  std::string data;  ///< used if file is empty

  [[nodiscard]] bool empty() const { return file.empty() && data.empty(); }
};

struct TransportOptions {
  std::string host;  ///< a name, IPv4 or bare IPv6 ("::1", no brackets)
  std::uint16_t port = 443;
  std::string basePath;    ///< before each request's path; empty or "/prefix"
  std::string verifyName;  ///< the name that the certificate must have; empty: host
  Pem ca;                  ///< nothing else is trusted, the system's certificates neither
  Pem certificate;         ///< of the client; may be empty
  Pem key;
  std::optional<Proxy> proxy;  ///< none: connect to the server itself
  /// Called for each request, on the caller's thread; empty: no Authorization header.
  std::function<Result<std::string>()> bearer;
  /// Gives what bearer and certificate do not, each where it is empty. Run before a request, when
  /// there is no valid credential of it, and once more when the server answers 401.
  std::optional<ExecPlugin> exec;
  /// Name and value of more headers of each request; a name may come again. Already checked: no
  /// control characters, and only what a name may have.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string userAgent = "barevip";
};

struct HttpRequest {
  std::string method = "GET";
  std::string path;  ///< path and query, already percent-encoded
  std::string body;
  std::string contentType = "application/json";
  /// send: the whole exchange. stream: until the answer's headers are here. Without the time of a
  /// credential plugin, but for a write: whoever sends it may no longer be allowed to afterwards.
  std::chrono::milliseconds deadline{5'000};
  std::chrono::milliseconds idle{90'000};  ///< stream: a silence this long is kTimeout
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::chrono::milliseconds retryAfter{0};  ///< the Retry-After header, 0 if there is none
};

/// Blocking calls from any thread, many at once. An answer with any status is a success here.
/// Errors: kStopped (within a millisecond or so), kTimeout, kUnavailable (no connection, TLS, cut
/// in the middle; the message says which), kForbidden (no token, no credential of the
/// plugin), kInternal (answer too big).
class Transport {
 public:
  static constexpr std::size_t kMaxBody = 8U << 20U;  ///< of a buffered answer

  /// Gets pieces of the body on the caller's thread, in order. An error ends the exchange and is
  /// what stream() returns.
  using OnBytes = std::function<Result<void>(std::string_view bytes)>;

  virtual ~Transport() = default;

  /// A request that the server may have got before the connection broke is sent again if the
  /// connection was an old one: requests must be safe to repeat.
  virtual Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) = 0;

  /// Streams the body of a 200 to onBytes until its proper end; a first call without bytes means
  /// that the server took the request. The body of any other answer is in
  /// the response. A slow onBytes slows the server down: at most about a megabyte waits.
  virtual Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                                      const OnBytes& onBytes) = 0;
};

/// To be called first in main, before any thread starts: it sets the environment (so that OpenSSL
/// does not parse the system's certificates for each connection, 22 ms and 0.9 MB) and gives the
/// HTTP library one thread instead of forty. Calls after the first do nothing.
void initialize();

/// TLS 1.2 or newer. Connects when first used and keeps connections open between requests. A dead
/// peer is noticed after 30 s by TCP keepalive, unless the host is a name or there is a proxy: then
/// by `idle` alone.
[[nodiscard]] std::unique_ptr<Transport> makeTransport(TransportOptions options);

}  // namespace barevip::kube
