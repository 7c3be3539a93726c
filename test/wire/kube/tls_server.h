// SPDX-License-Identifier: Apache-2.0
// An HTTPS server of which the test decides every byte.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/file_descriptor.h"
#include "wire/kube/pki.h"

namespace barevip::wire {

struct Request {
  std::string method;
  std::string target;
  std::map<std::string, std::string>
      headers;  ///< names in lower case, several lines of one joined by \n
  std::string body;
  std::string client;  ///< the common name of the client's certificate; empty: it showed none
};

/// One answer on its way. Writes fail silently once the client is gone; gone() tells.
class Reply {
 public:
  Reply(SSL* ssl, std::stop_token stop) : ssl_(ssl), stop_(std::move(stop)) {}

  /// A whole answer with a length.
  void send(int status, const std::string& body, const std::string& moreHeaders = "");
  /// The head of an answer in chunks; then chunk() as often as wanted, then finish() or not.
  void startChunks(int status = 200, const std::string& moreHeaders = "");
  void chunk(std::string_view bytes);
  void finish();
  void raw(std::string_view bytes);

  /// Waits until the client closes, the server stops, or the time is over. True if it closed.
  bool waitGone(std::chrono::milliseconds time);
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  SSL* ssl_;
  std::stop_token stop_;
  bool gone_ = false;
  bool finished_ = false;  ///< the answer is complete: the connection may be used again
};

/// One thread for each connection. An answer that the handler leaves unfinished ends with the
/// connection. Stops with its destructor.
class TlsServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";  ///< or "::1"
    Identity identity;
    std::string clientAuthority;  ///< PEM; empty: no client certificate is asked for
    bool speakTls = true;         ///< false: takes connections and says nothing
  };
  using Handler = std::function<void(const Request&, Reply&)>;

  TlsServer(Options options, Handler handler);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_.load(); }
  [[nodiscard]] std::vector<Request> requests() const;

 private:
  struct ContextDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  void acceptLoop(const std::stop_token& stop);
  void serve(const FileDescriptor& socket, const std::stop_token& stop);

  Options options_;
  Handler handler_;
  std::unique_ptr<SSL_CTX, ContextDeleter> context_;
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::vector<std::jthread> workers_;
  std::jthread acceptor_;
};

}  // namespace barevip::wire
