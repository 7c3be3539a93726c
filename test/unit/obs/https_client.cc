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

/// A connection that has shaken hands and sent a text; no session: it could not.
class Client {
 public:
  Client(std::uint16_t port, const std::string& text, int version) {
    if (!connectTo(fd_, port)) return;
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_security_level(context_.get(), 0);  // so that the server refuses, and not this
    session_.reset(SSL_new(context_.get()));
    SSL_set_fd(session_.get(), fd_.get());
    if (SSL_connect(session_.get()) == 1) {
      SSL_write(session_.get(), text.data(), static_cast<int>(text.size()));
    } else {
      session_.reset();
    }
  }
  ~Client() { ERR_clear_error(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Null: no handshake.
  [[nodiscard]] SSL* session() const { return session_.get(); }

 private:
  FileDescriptor fd_ = newSocket();
  Context context_{SSL_CTX_new(TLS_client_method())};
  Session session_;
};

}  // namespace

HttpsAnswer askByTls(std::uint16_t port, const std::string& text, int version) {
  HttpsAnswer answer;
  const Client client(port, text, version);
  if (client.session() == nullptr) return answer;
  answer.certificate = certificateOf(client.session());
  std::array<char, 16384> buffer{};  // a record of TLS
  int count = 0;
  while ((count = SSL_read(client.session(), buffer.data(), static_cast<int>(buffer.size()))) > 0) {
    answer.text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  answer.ended = SSL_get_error(client.session(), count) == SSL_ERROR_ZERO_RETURN;
  return answer;
}

void leaveByTls(std::uint16_t port, const std::string& text, const std::function<void()>& until) {
  const Client client(port, text, 0);
  until();
}

}  // namespace barevip::obs
