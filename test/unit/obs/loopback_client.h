// SPDX-License-Identifier: Apache-2.0
// A client of servers on loopback that knows no more than text.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/file_descriptor.h"
#include "common/obs/http_server.h"

namespace barevip::obs {

inline FileDescriptor newSocket() {
  return FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// To a loopback port.
inline bool connectTo(const FileDescriptor& fd, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
}

// Sends the text and returns all that comes back until the server closes.
inline std::string exchange(const FileDescriptor& fd, const std::string& text) {
  send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  std::string all;
  std::array<char, 512> buffer{};
  for (ssize_t n = 0; (n = recv(fd.get(), buffer.data(), buffer.size(), 0)) > 0;) {
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return all;
}

// Whether the server neither closed the connection nor said anything.
inline bool isWaiting(const FileDescriptor& fd) {
  char next = 0;
  return recv(fd.get(), &next, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

// Of servers whose clients do not run out of time, however busy the machine is.
inline HttpServer::Settings patient() {
  HttpServer::Settings settings;
  settings.clientTime = std::chrono::minutes(2);
  return settings;
}

inline std::string ask(std::uint16_t port, const std::string& text) {
  const FileDescriptor fd = newSocket();
  return connectTo(fd, port) ? exchange(fd, text) : "no connection";
}

}  // namespace barevip::obs
