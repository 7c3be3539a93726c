// SPDX-License-Identifier: Apache-2.0
#include "unit/obs/https_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>

#include "common/base/deleter.h"
#include "unit/obs/loopback_client.h"

namespace barevip::obs {
namespace {

using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Deleter<SSL_free>>;

std::string certificateOf(const SSL* session) {
  const Certificate peer(SSL_get1_peer_certificate(session));
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), peer.get());
  const char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

HttpsAnswer askByTls(std::uint16_t port, const std::string& text, int version) {
  HttpsAnswer answer;
  const FileDescriptor fd = newSocket();
  if (!connectTo(fd, port)) return answer;
  const Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  SSL_CTX_set_security_level(context.get(), 0);  // so that the server refuses, and not this
  const Session session(SSL_new(context.get()));
  SSL_set_fd(session.get(), fd.get());
  if (SSL_connect(session.get()) == 1) {
    answer.certificate = certificateOf(session.get());
    SSL_write(session.get(), text.data(), static_cast<int>(text.size()));
    std::array<char, 16384> buffer{};  // a record of TLS
    int count = 0;
    while ((count = SSL_read(session.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0) {
      answer.text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    answer.ended = SSL_get_error(session.get(), count) == SSL_ERROR_ZERO_RETURN;
  }
  ERR_clear_error();
  return answer;
}

}  // namespace barevip::obs
