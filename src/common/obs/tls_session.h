// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct ssl_st;

namespace barevip::obs {

enum class Progress : std::uint8_t {
  kDone,
  kWaits,  ///< nothing more can be moved now
  kGone,   ///< nothing ever will
};

struct Transfer {
  Progress progress = Progress::kGone;
  std::size_t bytes = 0;  ///< kDone: how many were moved, at least one
};

/// The server's side of TLS on a non-blocking socket that outlives it; the handshake is part of the
/// first transfer. It never waits. The thread must have SIGPIPE blocked. Not thread-safe.
class TlsSession {
 public:
  /// Takes the session of OpenSSL over.
  explicit TlsSession(ssl_st* ssl) : ssl_(ssl) {}
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  Transfer receive(std::span<char> into);
  Transfer send(std::string_view bytes);
  /// What poll() should wait for after a transfer that waits.
  [[nodiscard]] short waitsFor() const { return waitsFor_; }
  /// After a transfer that found the client gone: it began with a request of HTTP instead of TLS.
  [[nodiscard]] bool gotPlainHttp() const { return gotPlainHttp_; }

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };

  [[nodiscard]] Transfer outcome(int returned, std::size_t bytes);

  std::unique_ptr<ssl_st, Free> ssl_;
  short waitsFor_ = 0;
  bool failed_ = false;
  bool gotPlainHttp_ = false;
};

}  // namespace barevip::obs
