// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/file_descriptor.h"
#include "common/obs/tls_session.h"

namespace barevip::obs {

/// One client of a server, with TLS or without. It never waits. Not thread-safe.
class Connection {
 public:
  /// The socket must be non-blocking. tls, of that socket; null: plain.
  Connection(FileDescriptor socket, std::unique_ptr<TlsSession> tls);

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// What poll() should wait for after a transfer that waits: with TLS it need not be what the
  /// transfer's direction says.
  [[nodiscard]] short waitsFor() const { return waitsFor_; }

  /// kGone: the client has said all, or there was a failure.
  Transfer receive(std::span<char> into);
  Transfer send(std::string_view bytes);

 private:
  void refusePlainHttp() const;

  FileDescriptor socket_;
  std::unique_ptr<TlsSession> tls_;  // goes first: it says goodbye by the socket
  short waitsFor_;
};

}  // namespace barevip::obs
