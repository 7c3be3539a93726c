// SPDX-License-Identifier: Apache-2.0
#include "wire/kube/tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "common/base/deleter.h"

namespace barevip::wire {
namespace {

constexpr int kPollMillis = 5;  // how soon a thread sees that the server stops

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Ssl = std::unique_ptr<SSL, Deleter<SSL_free>>;

Certificate certificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

bool readable(int fd, int millis) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, millis) > 0;
}

// One socket of the wanted family on a free port.
FileDescriptor listenOn(const std::string& address, std::uint16_t& port) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (address.find(':') != std::string::npos) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    in6->sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, address.c_str(), &in6->sin6_addr);
    size = sizeof *in6;
  } else {
    auto* in4 = reinterpret_cast<sockaddr_in*>(&storage);
    in4->sin_family = AF_INET;
    ::inet_pton(AF_INET, address.c_str(), &in4->sin_addr);
    size = sizeof *in4;
  }
  auto* plain = reinterpret_cast<sockaddr*>(&storage);
  FileDescriptor socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  check(socket.valid() && ::bind(socket.get(), plain, size) == 0, "bind");
  check(::listen(socket.get(), 64) == 0, "listen");
  check(::getsockname(socket.get(), plain, &size) == 0, "getsockname");
  port = ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
  return socket;
}

std::string peerName(const SSL* ssl) {
  const Certificate peer(SSL_get1_peer_certificate(ssl));
  if (!peer) return {};
  std::string name(256, '\0');
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName,
                                             name.data(), static_cast<int>(name.size()));
  name.resize(static_cast<std::size_t>(std::max(size, 0)));
  return name;
}

// Reads and forgets until the client closes.
void drain(int fd, const std::stop_token& stop) {
  char bytes[4096];
  while (!stop.stop_requested()) {
    if (readable(fd, kPollMillis) && ::recv(fd, bytes, sizeof bytes, 0) <= 0) return;
  }
}

// Reads from one connection; bytes that belong to the next request wait here.
class Reader {
 public:
  Reader(SSL* ssl, std::stop_token stop) : ssl_(ssl), stop_(std::move(stop)) {}

  bool request(Request& request) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return false;
    }
    std::istringstream head(buffer_.substr(0, end));
    buffer_.erase(0, end + 4);
    head >> request.method >> request.target;
    std::string line;
    std::getline(head, line);
    while (std::getline(head, line)) {
      if (line.ends_with('\r')) line.pop_back();
      const std::size_t colon = line.find(':');
      if (colon == std::string::npos) continue;
      std::string name = line.substr(0, colon);
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      std::string& value = request.headers[name];
      if (!value.empty()) value += '\n';
      value += line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
    }
    const auto length = request.headers.find("content-length");
    const std::size_t size =
        length == request.headers.end() ? 0 : std::strtoul(length->second.c_str(), nullptr, 10);
    while (buffer_.size() < size) {
      if (!more()) return false;
    }
    request.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return true;
  }

 private:
  bool more() {
    while (SSL_pending(ssl_) == 0 && !readable(SSL_get_fd(ssl_), kPollMillis)) {
      if (stop_.stop_requested()) return false;
    }
    char bytes[4096];
    const int size = SSL_read(ssl_, bytes, sizeof bytes);
    if (size <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }

  SSL* ssl_;
  std::stop_token stop_;
  std::string buffer_;
};

}  // namespace

void Reply::send(int status, const std::string& body, const std::string& moreHeaders) {
  raw("HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: application/json\r\n" +
      "Content-Length: " + std::to_string(body.size()) + "\r\n" + moreHeaders + "\r\n" + body);
  finished_ = true;
}

void Reply::startChunks(int status, const std::string& moreHeaders) {
  raw("HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: application/json\r\n" +
      "Transfer-Encoding: chunked\r\n" + moreHeaders + "\r\n");
}

void Reply::chunk(std::string_view bytes) {
  std::ostringstream head;
  head << std::hex << bytes.size() << "\r\n";
  raw(head.str() + std::string(bytes) + "\r\n");
}

void Reply::finish() {
  raw("0\r\n\r\n");
  finished_ = true;
}

void Reply::raw(std::string_view bytes) {
  std::size_t sent = 0;
  while (!gone_ && sent < bytes.size()) {
    // The socket has a short send timeout, so that a client that does not read cannot hold us.
    ERR_clear_error();
    const int size = SSL_write(ssl_, bytes.data() + sent, static_cast<int>(bytes.size() - sent));
    if (size > 0) {
      sent += static_cast<std::size_t>(size);
      continue;
    }
    const int error = SSL_get_error(ssl_, size);
    const bool retry = error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
    gone_ = !retry || stop_.stop_requested();
  }
}

bool Reply::waitGone(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!gone_ && !stop_.stop_requested() && std::chrono::steady_clock::now() < deadline) {
    if (!readable(SSL_get_fd(ssl_), kPollMillis)) continue;
    char bytes[256];
    if (SSL_read(ssl_, bytes, sizeof bytes) <= 0) gone_ = true;
  }
  return gone_;
}

TlsServer::TlsServer(Options options, Handler handler)
    : options_(std::move(options)),
      handler_(std::move(handler)),
      context_(SSL_CTX_new(TLS_server_method())) {
  std::signal(SIGPIPE, SIG_IGN);
  const Certificate own = certificate(options_.identity.certificate);
  const Bio keyBio(BIO_new_mem_buf(options_.identity.key.data(), -1));
  const Key key(PEM_read_bio_PrivateKey(keyBio.get(), nullptr, nullptr, nullptr));
  check(SSL_CTX_use_certificate(context_.get(), own.get()) == 1, "certificate");
  check(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1, "key");
  if (!options_.clientAuthority.empty()) {
    const Certificate authority = certificate(options_.clientAuthority);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), authority.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  listener_ = listenOn(options_.address, port_);
  acceptor_ = std::jthread([this](const std::stop_token& stop) { acceptLoop(stop); });
}

TlsServer::~TlsServer() {
  acceptor_.request_stop();
  acceptor_.join();
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();
}

std::vector<Request> TlsServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void TlsServer::acceptLoop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!readable(listener_.get(), kPollMillis)) continue;
    auto socket = std::make_shared<FileDescriptor>(::accept(listener_.get(), nullptr, nullptr));
    if (!socket->valid()) continue;
    ++connections_;
    workers_.emplace_back(
        [this, socket](const std::stop_token& stopped) { serve(*socket, stopped); });
  }
}

void TlsServer::serve(const FileDescriptor& socket, const std::stop_token& stop) {
  const int noDelay = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &noDelay, sizeof noDelay);
  const timeval patience{0, 50'000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (!options_.speakTls) {
    drain(socket.get(), stop);
    return;
  }
  const Ssl ssl(SSL_new(context_.get()));
  SSL_set_mode(ssl.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_set_fd(ssl.get(), socket.get());
  if (SSL_accept(ssl.get()) != 1) {
    // Closing with unread bytes would reset the connection, and the alert with it.
    ::shutdown(socket.get(), SHUT_WR);
    drain(socket.get(), stop);
    return;
  }
  Reader reader(ssl.get(), stop);
  Request request;
  while (reader.request(request)) {
    request.client = peerName(ssl.get());
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    Reply reply(ssl.get(), stop);
    handler_(request, reply);
    if (!reply.finished()) return;
    request = {};
  }
}

}  // namespace barevip::wire
