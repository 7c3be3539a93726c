// SPDX-License-Identifier: Apache-2.0
#include "common/obs/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace barevip::obs {
namespace {

constexpr std::string_view kPlainHttp =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    "\r\nthis port speaks TLS: write https:// before the address\n";

Transfer outcome(ssize_t moved) {
  if (moved > 0) return {Progress::kDone, static_cast<std::size_t>(moved)};
  const bool waits = moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return {waits ? Progress::kWaits : Progress::kGone};
}

}  // namespace

Connection::Connection(FileDescriptor socket, std::unique_ptr<TlsSession> tls)
    : socket_(std::move(socket)), tls_(std::move(tls)), waitsFor_(POLLIN) {}

Transfer Connection::receive(std::span<char> into) {
  if (!tls_) {
    waitsFor_ = POLLIN;
    return outcome(recv(fd(), into.data(), into.size(), 0));
  }
  const Transfer received = tls_->receive(into);
  waitsFor_ = tls_->waitsFor();
  if (tls_->gotPlainHttp()) refusePlainHttp();
  return received;
}

Transfer Connection::send(std::string_view bytes) {
  if (!tls_) {
    waitsFor_ = POLLOUT;
    return outcome(::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  const Transfer sent = tls_->send(bytes);
  waitsFor_ = tls_->waitsFor();
  return sent;
}

// Best effort. What is left of the request is read, since a close would otherwise take the answer
// back (RFC 1122, 4.2.2.13).
void Connection::refusePlainHttp() const {
  std::array<char, 4096> rest{};
  (void)recv(fd(), rest.data(), rest.size(), 0);
  (void)::send(fd(), kPlainHttp.data(), kPlainHttp.size(), MSG_NOSIGNAL);
}

}  // namespace barevip::obs
