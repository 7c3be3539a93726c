// SPDX-License-Identifier: Apache-2.0
#include "common/obs/tls_server.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "barevip/base/log.h"

#include "common/base/deleter.h"
#include "common/base/dns_name.h"
#include "common/base/text_file.h"

namespace barevip::obs {
namespace {

using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

// A key with a passphrase must not stop the program with a question.
int noPassphrase(char*, int, int, void*) { return 0; }

Bio bioOf(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The server's own certificate, then those of the authorities between.
bool useCertificates(SSL_CTX* context, const std::string& pem) {
  const Bio bio = bioOf(pem);
  const Certificate own(PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) return false;
  while (const auto next =
             Certificate(PEM_read_bio_X509(bio.get(), nullptr, noPassphrase, nullptr))) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return false;
  }
  return true;
}

bool useKey(SSL_CTX* context, const std::string& pem) {
  const PrivateKey key(PEM_read_bio_PrivateKey(bioOf(pem).get(), nullptr, noPassphrase, nullptr));
  // A key of another type than the certificate's stands beside it, unchecked until then.
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
         SSL_CTX_check_private_key(context) == 1;
}

// A name that a certificate can have, whatever the host is called.
std::string hostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) == 0 && isDnsSubdomain(name.data())) {
    return name.data();
  }
  return "barevip";
}

}  // namespace

void TlsServer::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsServer::~TlsServer() = default;

Result<std::unique_ptr<TlsServer>> TlsServer::open(TlsOptions options) {
  std::unique_ptr<TlsServer> server(new TlsServer(std::move(options)));
  if (auto loaded = server->load(); !loaded) return tl::make_unexpected(std::move(loaded.error()));
  return server;
}

Result<PemPair> TlsServer::read() const {
  if (options_.certificateFile.empty()) return makeSelfSigned(hostName());
  auto certificate = readTextFile(options_.certificateFile);
  if (!certificate) return tl::make_unexpected(std::move(certificate.error()));
  auto key = readTextFile(options_.keyFile);
  if (!key) return tl::make_unexpected(std::move(key.error()));
  return PemPair{std::move(*certificate), std::move(*key)};
}

Result<TlsServer::Context> TlsServer::contextOf(const PemPair& pair) const {
  Context context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(ErrorCode::kInternal, "OpenSSL has no memory for a server of TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  ERR_clear_error();
  std::string problem;
  if (!useCertificates(context.get(), pair.certificate)) {
    problem = "\"" + options_.certificateFile + "\" holds no certificate in PEM form";
  } else if (!useKey(context.get(), pair.key)) {
    problem = "\"" + options_.keyFile + "\" holds no key in PEM form that belongs to \"" +
              options_.certificateFile + "\"";
  }
  ERR_clear_error();
  if (problem.empty()) return context;
  return fail(ErrorCode::kInvalid,
              problem + ": write there what --metrics-cert-file and --metrics-key-file need");
}

Result<void> TlsServer::load() {
  auto pair = read();
  if (!pair) return tl::make_unexpected(std::move(pair.error()));
  if (*pair == pair_) return {};
  auto context = contextOf(*pair);
  if (!context) return tl::make_unexpected(std::move(context.error()));
  pair_ = std::move(*pair);
  context_ = std::move(*context);
  return {};
}

// Whoever writes both files need not write them at the same moment, so a failure may pass.
void TlsServer::renew() {
  const auto now = std::chrono::steady_clock::now();
  if (options_.certificateFile.empty() || now - lookedAt_ < kLook) return;
  lookedAt_ = now;
  const auto loaded = load();
  const std::string failure = loaded ? "" : loaded.error().message;
  if (std::exchange(lastFailure_, failure) == failure || loaded) return;
  log::warn("the former certificate of the metrics stays in use", {{"reason", failure}});
}

std::unique_ptr<TlsSession> TlsServer::accept(int socket) {
  renew();
  SSL* const ssl = SSL_new(context_.get());
  if (ssl == nullptr) return nullptr;
  auto session = std::make_unique<TlsSession>(ssl);
  if (SSL_set_fd(ssl, socket) != 1) return nullptr;
  SSL_set_accept_state(ssl);
  return session;
}

}  // namespace barevip::obs
