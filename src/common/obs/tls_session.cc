// SPDX-License-Identifier: Apache-2.0
#include "common/obs/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

namespace barevip::obs {

TlsSession::~TlsSession() {
  // Tells the client that nothing was cut off. A session that failed has no such message.
  if (!failed_ && SSL_is_init_finished(ssl_.get()) == 1) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void TlsSession::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Transfer TlsSession::receive(std::span<char> into) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  return outcome(returned, bytes);
}

Transfer TlsSession::send(std::string_view bytes) {
  ERR_clear_error();
  std::size_t sent = 0;
  const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
  return outcome(returned, sent);
}

Transfer TlsSession::outcome(int returned, std::size_t bytes) {
  if (returned == 1) return {Progress::kDone, bytes};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      waitsFor_ = POLLIN;
      return {Progress::kWaits};
    case SSL_ERROR_WANT_WRITE:
      waitsFor_ = POLLOUT;
      return {Progress::kWaits};
    case SSL_ERROR_ZERO_RETURN:
      return {Progress::kGone};
    default:
      failed_ = true;
      gotPlainHttp_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
      return {Progress::kGone};
  }
}

}  // namespace barevip::obs
