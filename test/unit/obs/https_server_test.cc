// SPDX-License-Identifier: Apache-2.0
// The HttpServer with TLS, and with a gate before a page.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/deleter.h"
#include "common/obs/http_server.h"
#include "common/obs/self_signed.h"
#include "unit/obs/https_client.h"
#include "unit/obs/loopback_client.h"

namespace barevip::obs {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kGet = "GET /healthz HTTP/1.1\r\n\r\n";

HttpServer::Settings withTls(std::string certificate = {}, std::string key = {}) {
  HttpServer::Settings settings = patient();
  settings.tls = {true, std::move(certificate), std::move(key)};
  return settings;
}

std::unique_ptr<HttpServer> healthBy(const HttpServer::Settings& settings) {
  auto server = std::make_unique<HttpServer>(settings);
  server->handle("/healthz", [] { return HttpAnswer{200, "ok\n"}; });
  return server;
}

class HttpsServerTest : public testing::Test {
 protected:
  std::unique_ptr<HttpServer> server_ = healthBy(withTls());
  std::uint16_t port_ = server_->start("127.0.0.1:0").value();
};

TEST_F(HttpsServerTest, AnswersByTlsAndSaysThatNothingWasCutOff) {
  const HttpsAnswer answer = askByTls(port_, kGet);
  EXPECT_THAT(answer.text, StartsWith("HTTP/1.0 200 OK\r\n"));
  EXPECT_THAT(answer.text, EndsWith("\r\n\r\nok\n"));
  EXPECT_TRUE(answer.ended);
}

TEST_F(HttpsServerTest, TakesTls12AndNothingOlder) {
  EXPECT_THAT(askByTls(port_, kGet, 0x0303).text, HasSubstr("200 OK"));
  EXPECT_THAT(askByTls(port_, kGet, 0x0302).text, IsEmpty());
}

TEST_F(HttpsServerTest, TellsWhoSpeaksPlainHttpToSpeakTls) {
  const std::string answer = ask(port_, kGet);
  EXPECT_THAT(answer, StartsWith("HTTP/1.0 400 Bad Request\r\n"));
  EXPECT_THAT(answer, HasSubstr("write https://"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("ok\n")));
}

TEST_F(HttpsServerTest, ServesWhileOthersSendNoHandshakeOrNoise) {
  std::vector<FileDescriptor> others;
  for (int i = 0; i < 8; ++i) {
    others.push_back(newSocket());
    ASSERT_TRUE(connectTo(others.back(), port_));
    // The head of a handshake record that never comes.
    const std::string text = i % 2 == 0 ? "" : std::string("\x16\x03\x01\x02\x00\x01", 6);
    send(others.back().get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  EXPECT_THAT(ask(port_, std::string(2'000, '\xff')), testing::Not(HasSubstr("200")));
  EXPECT_THAT(askByTls(port_, kGet).text, HasSubstr("200 OK"));
  for (const FileDescriptor& other : others) EXPECT_TRUE(isWaiting(other)) << "nobody had to leave";
}

TEST(HttpsServerTime, EndsAHandshakeThatDoesNotEndByItself) {
  HttpServer::Settings settings = withTls();
  settings.clientTime = 300ms;
  const auto server = healthBy(settings);
  const std::uint16_t port = server->start("127.0.0.1:0").value();
  const FileDescriptor client = newSocket();
  ASSERT_TRUE(connectTo(client, port));
  const auto start = steady_clock::now();
  EXPECT_EQ(obs::exchange(client, std::string("\x16\x03\x01\x02\x00\x01", 6)), "");
  EXPECT_GE(steady_clock::now() - start, settings.clientTime);
}

TEST_F(HttpsServerTest, GoesOnAfterClientsThatLeaveInTheMiddle) {
  for (int i = 0; i < 20; ++i) {
    const FileDescriptor client = newSocket();
    ASSERT_TRUE(connectTo(client, port_));
    send(client.get(), "\x16\x03\x01", 3, MSG_NOSIGNAL);
  }
  EXPECT_THAT(askByTls(port_, kGet).text, HasSubstr("200 OK"));
}

TEST(HttpsServerPages, ComeWholeWhenTheyExceedWhatASocketTakes) {
  constexpr std::size_t kMoreThanSocketsBuffer = 12U << 20U;
  HttpServer server(withTls());
  server.handle("/metrics", [] {
    return HttpAnswer{200, std::string(kMoreThanSocketsBuffer, 'x')};
  });
  const std::uint16_t port = server.start("127.0.0.1:0").value();
  const HttpsAnswer answer = askByTls(port, "GET /metrics HTTP/1.1\r\n\r\n");
  EXPECT_GT(answer.text.size(), kMoreThanSocketsBuffer);
  EXPECT_TRUE(answer.ended);
}

/// Certificate and key in a folder of their own.
class Files {
 public:
  Files() : folder_(mkdtemp(template_.data())) {}
  ~Files() { std::filesystem::remove_all(folder_); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  void write(const PemPair& pair) const {
    std::ofstream(certificate()) << pair.certificate;
    std::ofstream(key()) << pair.key;
  }
  [[nodiscard]] std::string certificate() const { return folder_ + "/tls.crt"; }
  [[nodiscard]] std::string key() const { return folder_ + "/tls.key"; }

 private:
  std::string template_ = testing::TempDir() + "barevip-tls-XXXXXX";
  std::string folder_;
};

/// Asks until the server shows that certificate.
bool comesToShow(std::uint16_t port, const std::string& certificate) {
  const auto end = steady_clock::now() + 1min;
  while (askByTls(port, kGet).certificate != certificate) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

class HttpsServerFiles : public testing::Test {
 protected:
  /// A server with the first pair.
  std::uint16_t serve() {
    files_.write(first_);
    server_ = healthBy(withTls(files_.certificate(), files_.key()));
    return server_->start("127.0.0.1:0").value();
  }

  const Files files_;
  const PemPair first_ = makeSelfSigned("first.example").value();
  const PemPair second_ = makeSelfSigned("second.example").value();
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpsServerFiles, AreReadAgainWhenTheyChange) {
  const std::uint16_t port = serve();
  EXPECT_EQ(askByTls(port, kGet).certificate, first_.certificate);
  files_.write(second_);
  EXPECT_TRUE(comesToShow(port, second_.certificate));
}

/// A key of another type than those of makeSelfSigned().
std::string rsaKey() {
  const std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>> key(EVP_RSA_gen(2048));
  const std::unique_ptr<BIO, Deleter<BIO_free>> text(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* begin = nullptr;
  const auto length = BIO_get_mem_data(text.get(), &begin);
  return {begin, static_cast<std::size_t>(length)};
}

TEST_F(HttpsServerFiles, ThatAreOfNoUseLeaveTheFormerOnesInPlace) {
  const std::uint16_t port = serve();
  for (const PemPair& useless :
       {PemPair{second_.certificate, first_.key}, PemPair{"", ""}, PemPair{first_.key, first_.key},
        PemPair{second_.certificate, rsaKey()}}) {
    files_.write(useless);
    std::this_thread::sleep_for(TlsServer::kLook);  // the next client makes it look
    const HttpsAnswer answer = askByTls(port, kGet);
    EXPECT_EQ(answer.certificate, first_.certificate);
    EXPECT_THAT(answer.text, HasSubstr("200 OK"));
  }
  files_.write(second_);
  EXPECT_TRUE(comesToShow(port, second_.certificate));
}

TEST_F(HttpsServerFiles, ThatAreOfNoUseAtTheStartAreRefusedByName) {
  const auto refusal = [&] {
    const auto port = healthBy(withTls(files_.certificate(), files_.key()))->start("127.0.0.1:0");
    return port ? "" : port.error().message;
  };
  EXPECT_THAT(refusal(), HasSubstr("tls.crt"));
  files_.write({"no certificate", first_.key});
  EXPECT_THAT(refusal(), HasSubstr("tls.crt\" holds no certificate"));
  files_.write({first_.certificate, second_.key});
  EXPECT_THAT(refusal(), HasSubstr("tls.key\" holds no key"));
  files_.write(first_);
  EXPECT_EQ(refusal(), "");
}

/// Gives verdicts when the test says so.
class HeldGate final : public Gate {
 public:
  std::optional<Verdict> ask(const std::string& token) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    const auto found = verdicts_.find(token);
    return found == verdicts_.end() ? std::nullopt : std::optional(found->second);
  }
  void setOnVerdict(std::function<void()> onVerdict) override { onVerdict_ = std::move(onVerdict); }

  void decide(const std::string& token, Verdict verdict) {
    {
      const std::lock_guard lock(mutex_);
      verdicts_[token] = std::move(verdict);
    }
    if (onVerdict_) onVerdict_();
  }
  void waitUntilAsked() const {
    while (asked_ == 0) std::this_thread::sleep_for(1ms);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Verdict> verdicts_;
  std::atomic<int> asked_ = 0;
  std::function<void()> onVerdict_;
};

class GatedPageTest : public testing::Test {
 protected:
  GatedPageTest() {
    server_->handle(
        "/metrics",
        [] {
          return HttpAnswer{200, "secret 1\n"};
        },
        &gate_);
    port_ = server_->start("127.0.0.1:0").value();
  }
  static std::string get(const std::string& headers, const std::string& method = "GET") {
    return method + " /metrics HTTP/1.1\r\nHost: here\r\n" + headers + "\r\n";
  }

  HeldGate gate_;
  std::unique_ptr<HttpServer> server_ = healthBy(withTls());
  std::uint16_t port_ = 0;
};

TEST_F(GatedPageTest, IsForWhomTheGateAdmits) {
  gate_.decide("good", {});
  gate_.decide("poor", {403, "you may not\n"});
  gate_.decide("", {401, "who are you\n"});
  struct Case {
    const char* headers;
    const char* status;
    const char* body;
  };
  const Case cases[] = {
      {"Authorization: Bearer good\r\n", "200 OK", "secret 1\n"},
      {"authorization:  BEARER   good \r\n", "200 OK", "secret 1\n"},
      {"Authorization: Bearer poor\r\n", "403 Forbidden", "you may not\n"},
      {"Authorization: Basic good\r\n", "401 Unauthorized", "who are you\n"},
      {"X-Authorization: Bearer good\r\n", "401 Unauthorized", "who are you\n"},
      {"", "401 Unauthorized", "who are you\n"},
  };
  for (const auto& [headers, status, body] : cases) {
    const std::string answer = askByTls(port_, get(headers)).text;
    EXPECT_THAT(answer, StartsWith(std::string("HTTP/1.0 ") + status)) << headers;
    EXPECT_THAT(answer, EndsWith(std::string("\r\n\r\n") + body)) << headers;
    EXPECT_EQ(answer.find("WWW-Authenticate: Bearer\r\n") != std::string::npos,
              answer.find(" 401 ") != std::string::npos);
  }
}

TEST_F(GatedPageTest, TellsNothingToAHeadThatIsNotAdmitted) {
  gate_.decide("", {401, "who are you\n"});
  EXPECT_THAT(askByTls(port_, get("", "HEAD")).text, StartsWith("HTTP/1.0 401"));
}

TEST_F(GatedPageTest, LeavesTheOtherPagesToAll) {
  EXPECT_THAT(askByTls(port_, kGet).text, HasSubstr("200 OK"));
}

TEST_F(GatedPageTest, KeepsNobodyElseWaitingForAVerdict) {
  std::string answer;
  std::jthread waiting(
      [&] { answer = askByTls(port_, get("Authorization: Bearer good\r\n")).text; });
  gate_.waitUntilAsked();
  EXPECT_THAT(askByTls(port_, kGet).text, HasSubstr("200 OK")) << "and the other one still waits";
  gate_.decide("good", {});
  waiting.join();
  EXPECT_THAT(answer, EndsWith("secret 1\n"));
}

TEST_F(GatedPageTest, OutlivesClientsThatLeaveBeforeTheVerdict) {
  leaveByTls(port_, get("Authorization: Bearer x\r\n"), [&] { gate_.waitUntilAsked(); });
  gate_.decide("x", {});
  EXPECT_THAT(askByTls(port_, get("Authorization: Bearer x\r\n")).text, EndsWith("secret 1\n"));
}

TEST(GateTest, MayHaveAVerdictAfterTheEndOfTheServer) {
  HeldGate gate;
  {
    const auto server = healthBy(withTls());
    server->handle(
        "/metrics", [] { return HttpAnswer{}; }, &gate);
    ASSERT_TRUE(server->start("127.0.0.1:0"));
  }
  gate.decide("late", {});
}

}  // namespace
}  // namespace barevip::obs
