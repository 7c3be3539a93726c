// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "barevip/base/result.h"

#include "common/obs/self_signed.h"
#include "common/obs/tls_options.h"
#include "common/obs/tls_session.h"

struct ssl_ctx_st;

namespace barevip::obs {

/// Certificate and key of a server, and the sessions that it offers: TLS 1.2 and 1.3, without
/// renegotiation and without memory of former sessions. Not thread-safe.
class TlsServer {
 public:
  /// How often it is looked at most whether the files have changed.
  static constexpr std::chrono::seconds kLook{1};

  /// kInvalid: the files cannot be read, or do not belong together.
  static Result<std::unique_ptr<TlsServer>> open(TlsOptions options);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// Of a client's non-blocking socket, which outlives the session. Files that changed count from
  /// here on; while those that are there now are of no use, the former ones do. Null: there is no
  /// memory.
  std::unique_ptr<TlsSession> accept(int socket);

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Context = std::unique_ptr<ssl_ctx_st, Free>;

  explicit TlsServer(TlsOptions options) : options_(std::move(options)) {}
  [[nodiscard]] Result<PemPair> read() const;
  [[nodiscard]] Result<Context> contextOf(const PemPair& pair) const;
  Result<void> load();
  void renew();

  const TlsOptions options_;
  PemPair pair_;  ///< that was tried last
  Context context_;
  std::chrono::steady_clock::time_point lookedAt_;
  std::string lastFailure_;
};

}  // namespace barevip::obs
