// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace barevip::obs {

/// What a client of TLS got.
struct HttpsAnswer {
  std::string text;         ///< all that came, the head included; empty: no handshake
  std::string certificate;  ///< of the server, in PEM form
  bool ended = false;       ///< the server said that nothing was cut off
};

/// Sends the text to a port of loopback by TLS, with any certificate of the server. version: the
/// newest one that the client knows, as 0x0303; 0: all.
[[nodiscard]] HttpsAnswer askByTls(std::uint16_t port, const std::string& text, int version = 0);

/// Sends the text by TLS, waits until the function returns, and leaves without reading.
void leaveByTls(std::uint16_t port, const std::string& text, const std::function<void()>& until);

}  // namespace barevip::obs
