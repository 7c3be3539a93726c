// SPDX-License-Identifier: Apache-2.0
// The only file that knows cpprestsdk. What is said here about it was measured with 2.10.18.
#include "common/kube/transport.h"

#include <cpprest/http_client.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>

#include "common/kube/exec_credentials.h"

namespace barevip::kube {
namespace {

using web::http::http_exception;
using web::http::http_request;
using web::http::http_response;
namespace streams = concurrency::streams;
using Cancel = std::shared_ptr<pplx::cancellation_token_source>;
using Ssl = boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Bytes that wait for the consumer. A watch keeps two buffers of that size for as long as it lives.
constexpr std::size_t kPendingLimit = 64U << 10U;
constexpr std::size_t kErrorBodyLimit = 64U << 10U;  // of an answer that is not 200
constexpr milliseconds kCancelPatience{200};
constexpr std::chrono::seconds kTunnelPatience{120};
constexpr int kUnauthorized = 401;
constexpr int kLeastStatus = 400;  // Error::detail is an errno below, an HTTP status from here on

/// What the asynchronous side (pool threads) and the caller share. It outlives both.
class Exchange {
 public:
  /// A piecemeal one wakes its caller for each piece of the answer, the other one at its end only:
  /// of a short exchange waking up is the greater part.
  explicit Exchange(bool piecemeal) : piecemeal_(piecemeal) {}

  // Pool side. The task completes when more may come. What nobody wants any more is dropped until
  // the caller's cancellation arrives, never refused: for an exception the library closes the
  // stream, which blocks a thread of the pool until another one is free, and there is but one.
  pplx::task<std::size_t> push(const std::uint8_t* bytes, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (closed_ || tooLong_) return pplx::task_from_result(size);
    if (!piecemeal_ && pending_.size() + size > Transport::kMaxBody) {
      tooLong_ = true;
      wake_.notify_all();
      return pplx::task_from_result(size);
    }
    pending_.append(reinterpret_cast<const char*>(bytes), size);
    if (!piecemeal_) return pplx::task_from_result(size);
    wake_.notify_all();
    if (pending_.size() < kPendingLimit) return pplx::task_from_result(size);
    blocked_.emplace();
    blockedSize_ = size;
    return pplx::create_task(*blocked_);
  }

  void headers(const http_response& response) {
    const std::lock_guard lock(mutex_);
    status_ = response.status_code();
    const auto header = response.headers().find("Retry-After");
    if (header != response.headers().end()) retryAfter_ = header->second;
    if (piecemeal_) wake_.notify_all();
  }

  void finish(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    done_ = true;
    error_ = std::move(error);
    wake_.notify_all();
  }

  // Caller side.
  enum class Wait : std::uint8_t { kReady, kDeadline, kStopped };

  Wait waitHeaders(const std::stop_token& stop, steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return waitFor(lock, stop, deadline, [this] { return done_ || status_ != 0; });
  }

  Wait waitEnd(const std::stop_token& stop, steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return waitFor(lock, stop, deadline, [this] { return done_ || tooLong_; });
  }

  // The whole answer, once it has ended.
  std::string takeAll() {
    const std::lock_guard lock(mutex_);
    return std::move(pending_);
  }
  [[nodiscard]] bool tooLong() const {
    const std::lock_guard lock(mutex_);
    return tooLong_;
  }

  // Moves what has arrived to `bytes`; nothing and kReady: the end.
  Wait take(const std::stop_token& stop, steady_clock::time_point deadline, std::string& bytes) {
    bytes.clear();
    std::optional<pplx::task_completion_event<std::size_t>> release;
    std::size_t size = 0;
    {
      std::unique_lock lock(mutex_);
      const Wait outcome =
          waitFor(lock, stop, deadline, [this] { return done_ || !pending_.empty(); });
      if (outcome != Wait::kReady) return outcome;
      bytes.swap(pending_);
      release = std::exchange(blocked_, std::nullopt);
      size = blockedSize_;
    }
    if (release) release->set(size);
    return Wait::kReady;
  }

  // Drops all bytes from now on.
  void close() {
    std::optional<pplx::task_completion_event<std::size_t>> release;
    std::size_t size = 0;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      release = std::exchange(blocked_, std::nullopt);
      size = blockedSize_;
    }
    if (release) release->set(size);
  }

  void waitDone(milliseconds patience) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, patience, [this] { return done_; });
  }

  [[nodiscard]] std::exception_ptr error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  [[nodiscard]] int status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  [[nodiscard]] milliseconds retryAfter() const {
    const std::lock_guard lock(mutex_);
    // The other form, a date, is not used by API servers.
    int seconds = 0;
    std::from_chars(retryAfter_.data(), retryAfter_.data() + retryAfter_.size(), seconds);
    return std::chrono::seconds(std::clamp(seconds, 0, 3600));
  }

 private:
  template <class Ready>
  Wait waitFor(std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
               steady_clock::time_point deadline, Ready ready) {
    if (wake_.wait_until(lock, stop, deadline, ready)) return Wait::kReady;
    return stop.stop_requested() ? Wait::kStopped : Wait::kDeadline;
  }

  const bool piecemeal_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string pending_;
  bool tooLong_ = false;
  std::optional<pplx::task_completion_event<std::size_t>> blocked_;
  std::size_t blockedSize_ = 0;
  int status_ = 0;
  std::string retryAfter_;
  bool done_ = false;
  bool closed_ = false;
  std::exception_ptr error_;
};

/// A write-only stream to an Exchange: twice as quick as reading a buffer of the library. It must
/// not throw: an exception out of _putn leaves an asio handler and ends the process.
class Sink final : public streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  using Base = streams::details::streambuf_state_manager<std::uint8_t>;
  using Traits = streams::char_traits<std::uint8_t>;

  explicit Sink(std::shared_ptr<Exchange> exchange)
      : Base(std::ios_base::out), exchange_(std::move(exchange)) {}

  [[nodiscard]] bool can_seek() const override { return false; }
  [[nodiscard]] bool has_size() const override { return false; }
  [[nodiscard]] std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  [[nodiscard]] std::size_t in_avail() const override { return 0; }
  [[nodiscard]] pos_type getpos(std::ios_base::openmode) const override { return nowhere(); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return nowhere(); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return nowhere();
  }
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<std::size_t> _putn(const std::uint8_t* p, std::size_t n, bool) override {
    return exchange_->push(p, n);
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* p, std::size_t n) override {
    return exchange_->push(p, n);
  }
  pplx::task<int_type> _putc(std::uint8_t c) override {
    return exchange_->push(&c, 1).then([c](std::size_t) { return int_type(c); });
  }
  pplx::task<int_type> _bumpc() override { return end(); }
  int_type _sbumpc() override { return Traits::eof(); }
  pplx::task<int_type> _getc() override { return end(); }
  int_type _sgetc() override { return Traits::eof(); }
  pplx::task<int_type> _nextc() override { return end(); }
  pplx::task<int_type> _ungetc() override { return end(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

 private:
  static pos_type nowhere() { return {Traits::eof()}; }
  static pplx::task<int_type> end() { return pplx::task_from_result<int_type>(Traits::eof()); }

  std::shared_ptr<Exchange> exchange_;
};

/// Why the last TLS handshake failed: the library itself only says that it did.
class TlsDiagnosis {
 public:
  /// The first reason of a connection counts, the others follow from it.
  void note(std::string sentence) {
    const std::lock_guard lock(mutex_);
    if (sentence_.empty()) sentence_ = std::move(sentence);
  }
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sentence_, {});
  }

  /// Listens to the alerts of all connections of the context, which keeps this alive.
  static void attach(SSL_CTX* context, const std::shared_ptr<TlsDiagnosis>& self) {
    SSL_CTX_set_ex_data(context, slot(), new std::shared_ptr<TlsDiagnosis>(self));
    SSL_CTX_set_info_callback(context, &TlsDiagnosis::onInfo);
  }

 private:
  using Owner = std::shared_ptr<TlsDiagnosis>;

  static int slot() {
    static const int kSlot = SSL_CTX_get_ex_new_index(
        0, nullptr, nullptr, nullptr, [](void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
          delete static_cast<Owner*>(pointer);
        });
    return kSlot;
  }

  static void onInfo(const SSL* ssl, int where, int code) {
    constexpr int kFatal = 2;  // TLS AlertLevel
    if ((where & SSL_CB_ALERT) == 0 || (code >> 8) != kFatal) return;
    const auto* owner = static_cast<Owner*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot()));
    if (owner == nullptr) return;
    const std::string alert = SSL_alert_desc_string_long(code);
    if ((where & SSL_CB_READ) != 0) {
      (*owner)->note(
          "the server refused this client's certificate or protocol (TLS alert: " + alert + ")");
      return;
    }
    // The check of the name is not OpenSSL's own, which so has nothing to complain of.
    const long verdict = SSL_get_verify_result(ssl);
    (*owner)->note(verdict == X509_V_OK || verdict == X509_V_ERR_UNSPECIFIED
                       ? "the server's certificate is not for this name"
                       : "the server's certificate is not accepted: " +
                             std::string(X509_verify_cert_error_string(verdict)));
  }

  std::mutex mutex_;
  std::string sentence_;
};

std::string read(const Pem& pem) {
  if (pem.file.empty()) return pem.data;
  std::ifstream in(pem.file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read \"" + pem.file + "\"");
  return text.str();
}

boost::asio::const_buffer buffer(const std::string& text) {
  return boost::asio::buffer(text.data(), text.size());
}

void trustOnly(boost::asio::ssl::context& context, const Pem& ca) {
  // The system's certificates were loaded before the callback: drop them with their store.
  X509_STORE* const store = X509_STORE_new();
  // An intermediate authority alone is an anchor, as it is for Go's clients.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_cert_store(context.native_handle(), store);
  context.add_certificate_authority(buffer(read(ca)));
}

/// Runs for each new connection, on a pool thread. It must not throw; without a certificate the
/// handshake fails and the note says why.
void configureTls(boost::asio::ssl::context& context, const TransportOptions& options,
                  const std::shared_ptr<TlsDiagnosis>& diagnosis) noexcept {
  try {
    diagnosis->take();
    TlsDiagnosis::attach(context.native_handle(), diagnosis);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    trustOnly(context, options.ca);
    if (options.certificate.empty()) return;
    context.use_certificate_chain(buffer(read(options.certificate)));
    context.use_private_key(buffer(read(options.key)), boost::asio::ssl::context::pem);
  } catch (const std::exception& problem) {
    diagnosis->note("the certificates for the API server cannot be used: " +
                    std::string(problem.what()));
  }
}

bool isIpv6(const std::string& host) { return host.find(':') != std::string::npos; }

bool isLiteral(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

/// Runs before connect. A literal address tells the family, so that the socket can be opened here.
void tuneSocket(web::http::client::native_handle handle, bool literal, bool ipv6) {
  auto& socket = static_cast<Ssl*>(handle)->next_layer();
  boost::system::error_code ignored;
  using boost::asio::ip::tcp;
  if (!socket.is_open() && literal) socket.open(ipv6 ? tcp::v6() : tcp::v4(), ignored);
  if (!socket.is_open()) return;
  const auto set = [fd = socket.native_handle()](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
}

// To cancel closes the socket under the steps of a TLS read that have no lock: that is safe only on
// the thread that runs them (see initialize()).
void cancelOnPool(const Cancel& cancel) {
  pplx::create_task([cancel] { cancel->cancel(); });
}

class CpprestTransport final : public Transport {
 public:
  explicit CpprestTransport(TransportOptions options)
      : options_(std::move(options)),
        credentials_(options_.exec ? systemExecCredentials(*options_.exec) : nullptr),
        diagnosis_(std::make_shared<TlsDiagnosis>()),
        client_(connect(options_)) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    const bool write = request.method != "GET";
    const Deadline ofWrite =
        write ? Deadline(steady_clock::now() + request.deadline) : std::nullopt;
    return authenticated(stop, ofWrite, [&](const Credential& credential) {
      const auto deadline = ofWrite.value_or(steady_clock::now() + request.deadline);
      const auto shared = std::make_shared<Exchange>(false);
      return exchange(request, credential, stop, shared,
                      [&] { return receive(*shared, stop, deadline); });
    });
  }

  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const OnBytes& onBytes) override {
    return authenticated(stop, std::nullopt, [&](const Credential& credential) {
      const auto deadline = steady_clock::now() + request.deadline;
      const auto shared = std::make_shared<Exchange>(true);
      return exchange(request, credential, stop, shared,
                      [&] { return deliver(*shared, stop, deadline, request.idle, onBytes); });
    });
  }

 private:
  using Client = std::shared_ptr<web::http::client::http_client>;
  using Deadline = std::optional<steady_clock::time_point>;

  // Asks again once, with a new credential, if the server refuses that of the plugin. end: of the
  // wait for the plugin.
  template <class Once>
  Result<HttpResponse> authenticated(const std::stop_token& stop, const Deadline& end, Once once) {
    if (!credentials_) return once(Credential{});
    for (bool again = false;; again = true) {
      std::optional<std::chrono::milliseconds> patience;
      if (end) patience = std::chrono::ceil<std::chrono::milliseconds>(*end - steady_clock::now());
      const auto credential = credentials_->current(stop, patience);
      if (!credential) return tl::make_unexpected(credential.error());
      auto response = once(**credential);
      if (again || !response || response->status != kUnauthorized) return response;
      credentials_->refuse(*credential);
    }
  }

  [[nodiscard]] Client connect(const TransportOptions& options) const {
    return std::make_shared<web::http::client::http_client>(baseUri(options),
                                                            config(options, diagnosis_));
  }

  // A new certificate of the plugin needs new connections.
  Client clientFor(const Credential& credential) {
    const std::lock_guard lock(mutex_);
    if (options_.certificate.empty() && credential.certificate != pluginCertificate_) {
      TransportOptions options = options_;
      options.certificate.data = credential.certificate;
      options.key.data = credential.key;
      client_ = connect(options);
      pluginCertificate_ = credential.certificate;
    }
    return client_;
  }

  static web::uri baseUri(const TransportOptions& options) {
    web::uri_builder builder;  // not a text: the brackets of "[::1]" would go to the resolver
    // A proxy, which does the look-up, gets the host from here and needs them.
    const bool brackets = options.proxy && isIpv6(options.host);
    builder.set_scheme("https")
        .set_host(brackets ? "[" + options.host + "]" : options.host)
        .set_port(options.port);
    return builder.to_uri();
  }

  static web::web_proxy webProxy(const Proxy& proxy) {
    web::uri_builder builder;
    builder.set_scheme("http").set_host(proxy.host).set_port(proxy.port);
    web::web_proxy result(builder.to_uri());
    if (!proxy.user.empty()) result.set_credentials({proxy.user, proxy.password});
    return result;
  }

  static web::http::client::http_client_config config(const TransportOptions& options,
                                                      std::shared_ptr<TlsDiagnosis> diagnosis) {
    web::http::client::http_client_config config;
    config.set_timeout(std::chrono::hours(1));  // deadlines are kept by the caller's thread
    config.set_max_redirects(0);                // never carry a token elsewhere
    config.set_ssl_context_callback(
        [options, diagnosis = std::move(diagnosis)](boost::asio::ssl::context& context) {
          configureTls(context, options, diagnosis);
        });
    if (options.proxy) {
      config.set_proxy(webProxy(*options.proxy));
      // A tunnel that is being opened cannot be cancelled. The time counts anew with each byte.
      config.set_timeout(kTunnelPatience);
      return config;
    }
    // With a proxy the handle is of one type for a new connection and of another for an old one.
    config.set_nativehandle_options(
        [literal = isLiteral(options.host), ipv6 = isIpv6(options.host)](
            web::http::client::native_handle handle) { tuneSocket(handle, literal, ipv6); });
    return config;
  }

  [[nodiscard]] std::string address() const {
    const auto url = [](const char* scheme, const std::string& host, std::uint16_t port) {
      return scheme + (isIpv6(host) ? "[" + host + "]" : host) + ":" + std::to_string(port);
    };
    const std::string server = url("https://", options_.host, options_.port);
    if (!options_.proxy) return server;
    return server + " through the proxy " +
           url("http://", options_.proxy->host, options_.proxy->port);
  }

  Result<http_request> makeRequest(const HttpRequest& request, const Credential& credential) const {
    http_request made(request.method);
    made.set_request_uri(options_.basePath + request.path);
    if (!request.body.empty()) made.set_body(request.body, request.contentType);
    // The library checks the certificate against the Host header.
    made.headers().add("Host", options_.verifyName.empty() ? options_.host : options_.verifyName);
    made.headers().add("Accept", "application/json");
    made.headers().add("User-Agent", options_.userAgent);
    addHeaders(made.headers());
    if (options_.bearer) {
      auto token = options_.bearer();
      if (!token) return tl::make_unexpected(std::move(token.error()));
      made.headers().add("Authorization", "Bearer " + *token);
    } else if (!credential.token.empty()) {
      made.headers().add("Authorization", "Bearer " + credential.token);
    }
    return made;
  }

  // The library keeps one value for a name and would join several with commas, which may be part of
  // a value, e.g. of a group. It writes values as they are, so that they can hold line ends.
  void addHeaders(web::http::http_headers& headers) const {
    for (const auto& [name, value] : options_.headers) {
      std::string& lines = headers[name];
      if (!lines.empty()) lines.append("\r\n").append(name).append(": ");
      lines += value;
    }
  }

  template <class Consume>
  Result<HttpResponse> exchange(const HttpRequest& request, const Credential& credential,
                                const std::stop_token& stop,
                                const std::shared_ptr<Exchange>& shared, Consume consume) {
    if (stop.stop_requested()) return stopped();
    const auto cancel = std::make_shared<pplx::cancellation_token_source>();
    try {
      auto made = makeRequest(request, credential);
      if (!made) return tl::make_unexpected(std::move(made.error()));
      streams::streambuf<std::uint8_t> sink(std::make_shared<Sink>(shared));
      made->set_response_stream(sink.create_ostream());
      begin(*clientFor(credential), *made, cancel, shared);
    } catch (const std::exception& problem) {
      return fail(ErrorCode::kInternal, "the request " + request.method + " " + request.path +
                                            " cannot be sent: " + problem.what());
    }
    const std::stop_callback onStop(stop, [&cancel] { cancelOnPool(cancel); });
    auto result = consume();
    shared->close();
    if (!result) cancelOnPool(cancel);
    // A name lookup cannot be cancelled; the exchange then ends behind our back.
    shared->waitDone(kCancelPatience);
    return result;
  }

  // Every chain ends in a continuation that takes the task itself: an exception that nobody
  // observes ends the process. Continuations only signal; blocking one would block the pool.
  static void begin(web::http::client::http_client& client, const http_request& request,
                    const Cancel& cancel, const std::shared_ptr<Exchange>& shared) {
    client.request(request, cancel->get_token()).then([shared](pplx::task<http_response> answer) {
      try {
        const http_response response = answer.get();
        shared->headers(response);
        response.content_ready().then([shared](pplx::task<http_response> end) {
          try {
            end.get();
            shared->finish(nullptr);
          } catch (...) {
            shared->finish(std::current_exception());
          }
        });
      } catch (...) {
        shared->finish(std::current_exception());
      }
    });
  }

  Result<HttpResponse> receive(Exchange& shared, const std::stop_token& stop,
                               steady_clock::time_point deadline) {
    if (const auto wait = shared.waitEnd(stop, deadline); wait != Exchange::Wait::kReady) {
      return interrupted(wait, "did not answer in time");
    }
    if (stop.stop_requested()) return stopped();
    if (shared.tooLong()) {
      return fail(ErrorCode::kInternal, "the API server's answer is longer than 8 MiB");
    }
    if (shared.status() == 0 || shared.error())
      return tl::make_unexpected(describe(shared.error()));
    return HttpResponse{shared.status(), shared.takeAll(), shared.retryAfter()};
  }

  Result<HttpResponse> deliver(Exchange& shared, const std::stop_token& stop,
                               steady_clock::time_point deadline, milliseconds idle,
                               const OnBytes& onBytes) {
    if (const auto wait = shared.waitHeaders(stop, deadline); wait != Exchange::Wait::kReady) {
      return interrupted(wait, "did not answer in time");
    }
    if (stop.stop_requested()) return stopped();
    if (shared.status() == 0) return tl::make_unexpected(describe(shared.error()));
    HttpResponse response{shared.status(), {}, shared.retryAfter()};
    const bool success = response.status == 200;
    std::string bytes;
    if (success) {
      if (auto accepted = onBytes({}); !accepted) {
        return tl::make_unexpected(std::move(accepted.error()));
      }
    }
    while (true) {
      const auto silent = steady_clock::now() + idle;
      if (const auto wait = shared.take(stop, silent, bytes); wait != Exchange::Wait::kReady) {
        return interrupted(wait, "was silent for too long");
      }
      if (bytes.empty()) break;
      if (!success) {
        response.body.append(bytes, 0,
                             kErrorBodyLimit - std::min(kErrorBodyLimit, response.body.size()));
      } else if (auto accepted = onBytes(bytes); !accepted) {
        return tl::make_unexpected(std::move(accepted.error()));
      }
    }
    if (stop.stop_requested()) return stopped();
    if (shared.error()) return tl::make_unexpected(describe(shared.error()));
    return response;
  }

  static tl::unexpected<Error> stopped() { return fail(ErrorCode::kStopped, "stopped"); }

  [[nodiscard]] tl::unexpected<Error> interrupted(Exchange::Wait wait, const char* why) const {
    if (wait == Exchange::Wait::kStopped) return stopped();
    return fail(ErrorCode::kTimeout, "the API server at " + address() + " " + why, ETIMEDOUT);
  }

  [[nodiscard]] Error describe(const std::exception_ptr& exception) const {
    const std::string tls = diagnosis_->take();
    std::string reason = "the connection ended";
    int code = 0;
    try {
      if (exception) std::rethrow_exception(exception);
    } catch (const http_exception& problem) {
      code = problem.error_code().value();
      reason = problem.what();
      const std::string detail = problem.error_code().message();
      if (code > 1 && reason.find(detail) == std::string::npos) reason += " (" + detail + ")";
      if (code >= kLeastStatus) code = 0;  // OpenSSL's own
    } catch (const std::exception& problem) {
      reason = problem.what();
    }
    return {
        ErrorCode::kUnavailable,
        "the API server at " + address() + " cannot be reached: " + (tls.empty() ? reason : tls),
        code,
        {}};
  }

  TransportOptions options_;
  std::unique_ptr<CredentialSource> credentials_;  ///< none without a plugin
  std::shared_ptr<TlsDiagnosis> diagnosis_;
  std::mutex mutex_;
  Client client_;
  std::string pluginCertificate_;  ///< that client_ shows; empty if it is none of the plugin
};

}  // namespace

void initialize() {
  static const bool kDone = [] {
    ::setenv("SSL_CERT_FILE", "/dev/null", 1);
    ::setenv("SSL_CERT_DIR", "/nonexistent", 1);
    // One thread, so that nothing of a connection runs beside its end: see cancelOnPool().
    crossplat::threadpool::initialize_with_threads(1);
    return true;
  }();
  static_cast<void>(kDone);
}

std::unique_ptr<Transport> makeTransport(TransportOptions options) {
  return std::make_unique<CpprestTransport>(std::move(options));
}

}  // namespace barevip::kube
