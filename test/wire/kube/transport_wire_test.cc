// SPDX-License-Identifier: Apache-2.0
// The real transport against a TLS server on the loopback.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/kube/token_file.h"
#include "common/kube/transport.h"
#include "wire/kube/connect_proxy.h"
#include "wire/kube/tls_server.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using wire::Authority;
using wire::Identity;
using wire::Reply;
using wire::Request;
using wire::TlsServer;

milliseconds since(steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

class TransportTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { initialize(); }

  // The server with a certificate for the loopback addresses.
  TlsServer& serve(TlsServer::Handler handler, const std::string& address = "127.0.0.1") {
    TlsServer::Options options;
    options.address = address;
    options.identity = identity_;
    options.clientAuthority = clientAuthority_;
    options.speakTls = speakTls_;
    server_.emplace(options, std::move(handler));
    options_.host = address;
    options_.port = server_->port();
    if (options_.ca.empty()) options_.ca.data = authority_.certificate();
    return *server_;
  }

  Transport& transport() {
    if (!transport_) transport_ = makeTransport(options_);
    return *transport_;
  }

  Result<HttpResponse> get(milliseconds deadline = milliseconds(5000)) {
    HttpRequest request;
    request.path = "/api";
    request.deadline = deadline;
    return transport().send(request, {});
  }

  // Streams /watch into received_.
  Result<HttpResponse> stream(std::stop_token stop = {}, milliseconds idle = milliseconds(5000)) {
    HttpRequest request;
    request.path = "/watch";
    request.idle = idle;
    return transport().stream(request, std::move(stop),
                              [this](std::string_view bytes) -> Result<void> {
                                received_.append(bytes);
                                return {};
                              });
  }

  static TlsServer::Handler answer(int status, const std::string& body,
                                   const std::string& headers = "") {
    return [=](const Request&, Reply& reply) { reply.send(status, body, headers); };
  }

  Authority authority_{"test CA"};
  Identity identity_ = authority_.issue("server", {"IP:127.0.0.1", "IP:::1"});
  std::string clientAuthority_;
  bool speakTls_ = true;
  TransportOptions options_;
  std::optional<TlsServer> server_;
  std::unique_ptr<Transport> transport_;
  std::string received_;
};

TEST_F(TransportTest, GivesTheAnswerWhateverItsStatus) {
  serve(answer(404, R"({"reason": "NotFound"})"));
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, R"({"reason": "NotFound"})");
}

TEST_F(TransportTest, SendsMethodBodyAndHeaders) {
  serve(answer(200, "{}"));
  options_.bearer = []() -> Result<std::string> { return "secret"; };
  options_.basePath = "/prefix";
  HttpRequest request;
  request.method = "PATCH";
  request.path = "/api/v1/x%2Fy?fieldSelector=a%3Db";
  request.body = R"({"a": 1})";
  request.contentType = "application/merge-patch+json";
  ASSERT_TRUE(transport().send(request, {}));
  const Request seen = server_->requests().at(0);
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, "/prefix/api/v1/x%2Fy?fieldSelector=a%3Db");
  EXPECT_EQ(seen.body, request.body);
  EXPECT_EQ(seen.headers.at("content-type"), "application/merge-patch+json");
  EXPECT_EQ(seen.headers.at("authorization"), "Bearer secret");
  EXPECT_EQ(seen.headers.at("accept"), "application/json");
  EXPECT_EQ(seen.headers.at("user-agent"), "barevip");
}

TEST_F(TransportTest, UsesItsConnectionsAgain) {
  TlsServer& server = serve(answer(200, "{}"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(get());
  EXPECT_LE(server.connections(), 3);  // one goes back to the pool a moment after its answer
}

TEST_F(TransportTest, ReachesAnIpv6Address) {
  serve(answer(200, "{}"), "::1");
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
}

TEST_F(TransportTest, ShowsItsCertificateToAServerThatAsks) {
  const Authority clients("client CA");
  const Identity client = clients.issue("node-1", {});
  clientAuthority_ = clients.certificate();
  options_.certificate.data = client.certificate;
  options_.key.data = client.key;
  serve(answer(200, "{}"));
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
}

TEST_F(TransportTest, ReadsCertificateFilesForEachConnection) {
  const wire::TemporaryFile ca("not yet");
  options_.ca.file = ca.path();
  serve(answer(200, "{}"));
  const auto before = get();
  ASSERT_FALSE(before);
  EXPECT_NE(before.error().message.find("certificates"), std::string::npos)
      << before.error().message;
  ca.write(authority_.certificate());
  const auto after = get();
  EXPECT_TRUE(after) << after.error().message;
}

TEST_F(TransportTest, SaysThatTheServerRefusedItsCertificate) {
  clientAuthority_ = Authority("client CA").certificate();
  serve(answer(200, "{}"));
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message.find("refused this client's certificate"), std::string::npos)
      << response.error().message;
}

TEST_F(TransportTest, TrustsAnIntermediateAuthorityWithoutItsRoot) {
  const Authority intermediate = authority_.subordinate("intermediate CA");
  identity_ = intermediate.issue("server", {"IP:127.0.0.1"});
  options_.ca.data = intermediate.certificate();
  serve(answer(200, "{}"));
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;

  options_.ca.data = authority_.subordinate("another CA").certificate();
  transport_.reset();
  EXPECT_FALSE(get()) << "a sister of it is not trusted";
}

TEST_F(TransportTest, TrustsNoOtherAuthority) {
  options_.ca.data = Authority("another CA").certificate();
  serve(answer(200, "{}"));
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message.find("certificate is not accepted"), std::string::npos)
      << response.error().message;
}

TEST_F(TransportTest, AcceptsNoCertificateForAnotherName) {
  options_.verifyName = "kubernetes.default.svc";
  serve(answer(200, "{}"));
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("not for this name"), std::string::npos)
      << response.error().message;
}

TEST_F(TransportTest, ChecksTheNameThatIsAskedFor) {
  identity_ = authority_.issue("server", {"DNS:kubernetes.default.svc"});
  options_.verifyName = "kubernetes.default.svc";
  serve(answer(200, "{}"), "::1");
  const auto response = get();
  EXPECT_TRUE(response) << response.error().message;
}

TEST_F(TransportTest, NamesTheAddressThatRefusesConnections) {
  serve(answer(200, "{}"));
  server_.reset();
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message.find("https://127.0.0.1:" + std::to_string(options_.port)),
            std::string::npos)
      << response.error().message;
}

TEST_F(TransportTest, TakesANewTokenAsSoonAsItsFileHasIt) {
  const wire::TemporaryFile file("first\n");
  options_.bearer = tokenFile(file.path());
  TlsServer& server = serve(answer(200, "{}"));
  ASSERT_TRUE(get());
  file.write("second\n");
  ASSERT_TRUE(get());
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer first");
  EXPECT_EQ(server.requests().at(1).headers.at("authorization"), "Bearer second");
  file.write("");
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kForbidden);
  EXPECT_EQ(server.requests().size(), 2U) << "nothing is sent without a token";
}

TEST_F(TransportTest, SendsSeveralHeadersOfANameOnALineEach) {
  options_.headers = {{"Impersonate-User", "jane"},
                      {"Impersonate-Group", "dev"},
                      {"Impersonate-Group", "ops, lab"},
                      {"Impersonate-Group", "all"}};
  serve(answer(200, "{}"));
  ASSERT_TRUE(get());
  const auto headers = server_->requests().at(0).headers;
  EXPECT_EQ(headers.at("impersonate-user"), "jane");
  EXPECT_EQ(headers.at("impersonate-group"), "dev\nops, lab\nall");
}

class ProxyTransportTest : public TransportTest {
 protected:
  void serveBehindProxy(TlsServer::Handler handler, int status = 200) {
    proxy_.emplace(serve(std::move(handler)).port(), status);
    options_.proxy = Proxy{"127.0.0.1", proxy_->port(), "", ""};
  }

  std::optional<wire::ConnectProxy> proxy_;
};

TEST_F(ProxyTransportTest, OpensATunnelAndUsesItAgain) {
  serveBehindProxy(answer(200, "{}"));
  options_.host = "api.lab";  // which only the proxy knows
  options_.verifyName = "127.0.0.1";
  for (int i = 0; i < 10; ++i) {
    const auto response = get();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
  }
  const auto requests = proxy_->requests();
  EXPECT_LE(requests.size(), 3U);
  const std::string start = "CONNECT api.lab:" + std::to_string(options_.port) + " HTTP/1.1\r\n";
  EXPECT_EQ(requests.at(0).find(start), 0U) << requests.at(0);
  EXPECT_EQ(requests.at(0).find("Proxy-Authorization"), std::string::npos);
}

TEST_F(ProxyTransportTest, NamesAnIpv6ServerInBrackets) {
  serveBehindProxy(answer(200, "{}"));
  options_.host = "2001:db8::1";
  options_.verifyName = "127.0.0.1";
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  const std::string start = "CONNECT [2001:db8::1]:" + std::to_string(options_.port) + " HTTP/1.1";
  EXPECT_EQ(proxy_->requests().at(0).find(start), 0U) << proxy_->requests().at(0);
}

TEST_F(ProxyTransportTest, ChecksTheServersCertificateBehindTheProxy) {
  options_.ca.data = Authority("another CA").certificate();
  serveBehindProxy(answer(200, "{}"));
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().message.find("certificate is not accepted"), std::string::npos)
      << response.error().message;
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(ProxyTransportTest, ShowsItsTokenToTheServerAndItsPasswordToTheProxy) {
  serveBehindProxy(answer(200, "{}"));
  options_.proxy->user = "me";
  options_.proxy->password = "secret";
  options_.bearer = []() -> Result<std::string> { return "token"; };
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  const std::string head = proxy_->requests().at(0);
  EXPECT_NE(head.find("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("token"), std::string::npos) << head;
  EXPECT_EQ(server_->requests().at(0).headers.at("authorization"), "Bearer token");
  EXPECT_EQ(server_->requests().at(0).headers.count("proxy-authorization"), 0U);
}

TEST_F(ProxyTransportTest, StreamsAndStops) {
  serveBehindProxy([](const Request&, Reply& reply) {
    reply.startChunks();
    reply.chunk("one");
    reply.waitGone(milliseconds(5000));
  });
  std::stop_source stop;
  HttpRequest request;
  request.path = "/watch";
  const auto start = steady_clock::now();
  const auto response =
      transport().stream(request, stop.get_token(), [&](std::string_view bytes) -> Result<void> {
        received_.append(bytes);
        if (!bytes.empty()) stop.request_stop();
        return {};
      });
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kStopped) << response.error().message;
  EXPECT_EQ(received_, "one");
  EXPECT_LT(since(start), milliseconds(2000));
}

TEST_F(ProxyTransportTest, NamesTheProxyThatRefuses) {
  serveBehindProxy(answer(200, "{}"), 407);
  options_.proxy->user = "me";
  options_.proxy->password = "secret";
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  const std::string& message = response.error().message;
  EXPECT_NE(message.find("through the proxy http://127.0.0.1:" + std::to_string(proxy_->port())),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("407"), std::string::npos) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
}

TEST_F(ProxyTransportTest, GivesUpOnASilentProxyAtTheDeadline) {
  speakTls_ = false;  // it takes connections and says nothing
  serve({});
  options_.proxy = Proxy{"127.0.0.1", server_->port(), "", ""};
  const auto start = steady_clock::now();
  const auto response = get(milliseconds(200));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
  EXPECT_LT(since(start), milliseconds(2000));
}

class PluginTransportTest : public TransportTest {
 protected:
  PluginTransportTest() {
    options_.exec.emplace();
    options_.exec->apiVersion = "client.authentication.k8s.io/v1";
    options_.exec->interactive = ExecPlugin::Interactive::kNever;
    options_.exec->command = script_.path();
    std::filesystem::permissions(script_.path(), std::filesystem::perms::owner_all);
  }

  // A status that may name $run, the number of the run.
  void plugin(const std::string& status) const {
    script_.write("#!/bin/sh\nrun=$(($(cat " + runs_.path() + ") + 1))\necho $run >" +
                  runs_.path() +
                  "\ncat <<END\n{\"apiVersion\": \"client.authentication.k8s.io/v1\", "
                  "\"kind\": \"ExecCredential\", \"status\": {" +
                  status + "}}\nEND\n");
  }

  [[nodiscard]] int runs() const {
    std::ifstream in(runs_.path());
    int count = 0;
    in >> count;
    return count;
  }

  // As a member of JSON.
  static std::string escaped(std::string pem) {
    for (std::size_t at = 0; (at = pem.find('\n', at)) != std::string::npos; at += 3) {
      pem.replace(at, 1, "\\\\n");
    }
    return "\"" + pem + "\"";
  }

  // 200 to the one token, 401 to others.
  static TlsServer::Handler accept(const std::string& token) {
    return [=](const Request& request, Reply& reply) {
      const auto header = request.headers.find("authorization");
      const bool good = header != request.headers.end() && header->second == "Bearer " + token;
      reply.send(good ? 200 : 401, "{}");
    };
  }

  wire::TemporaryFile runs_{"0"};
  wire::TemporaryFile script_{""};
};

TEST_F(PluginTransportTest, ShowsTheTokenOfThePluginOnEachRequest) {
  plugin(R"("token": "t$run")");
  serve(accept("t1"));
  for (int i = 0; i < 3; ++i) {
    const auto response = get();
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
  }
  EXPECT_EQ(runs(), 1);
}

TEST_F(PluginTransportTest, RunsThePluginOnceMoreAndAsksAgainAfter401) {
  plugin(R"("token": "t$run")");
  serve(accept("t2"));
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(runs(), 2);
}

TEST_F(PluginTransportTest, StreamsAfterA401) {
  plugin(R"("token": "t$run")");
  serve(accept("t2"));
  const auto response = stream();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(received_, "{}");
}

TEST_F(PluginTransportTest, GivesTheSecond401ToTheCaller) {
  plugin(R"("token": "t$run")");
  serve(accept("another"));
  const auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(runs(), 2);
  EXPECT_EQ(server_->requests().size(), 2U);
}

TEST_F(PluginTransportTest, ThePluginsTimeIsNotThatOfTheRequest) {
  plugin(R"("token": "t$run")");
  std::ofstream(script_.path(), std::ios::app) << "sleep 0.5\n";
  serve(accept("t1"));
  const auto response = get(milliseconds(400));
  EXPECT_TRUE(response) << response.error().message;
}

TEST_F(PluginTransportTest, AWriteIsNotSentWhenThePluginTookItsTime) {
  plugin(R"("token": "t$run")");
  std::ofstream(script_.path(), std::ios::app) << "sleep 1\n";
  serve(accept("t1"));
  HttpRequest write;
  write.method = "POST";
  write.path = "/api";
  write.deadline = milliseconds(200);
  const auto late = transport().send(write, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
  const auto response = get();
  EXPECT_TRUE(response) << response.error().message;
  EXPECT_EQ(server_->requests().size(), 1U) << "the write was never sent";
  EXPECT_EQ(runs(), 1) << "the plugin was left to end";
}

TEST_F(PluginTransportTest, ConnectsAnewWithANewCertificate) {
  const Authority clients("client CA");
  clientAuthority_ = clients.certificate();
  const auto give = [&](const std::string& name, const std::string& until) {
    const Identity client = clients.issue(name, {});
    plugin("\"clientCertificateData\": " + escaped(client.certificate) + ", \"clientKeyData\": " +
           escaped(client.key) + ", \"expirationTimestamp\": \"" + until + "\"");
  };
  serve(answer(200, "{}"));
  give("expired", "2020-01-01T00:00:00Z");
  auto response = get();
  ASSERT_TRUE(response) << response.error().message;
  give("valid", "2200-01-01T00:00:00Z");
  for (int i = 0; i < 3; ++i) {
    response = get();
    ASSERT_TRUE(response) << response.error().message;
  }
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[0].client, "expired");
  for (int i = 1; i < 4; ++i) EXPECT_EQ(requests[i].client, "valid");
  EXPECT_EQ(runs(), 2);
}

TEST_F(PluginTransportTest, SendsNothingWithoutACredential) {
  script_.write("#!/bin/sh\necho 'Your session has expired.' >&2\nexit 1\n");
  serve(answer(200, "{}"));
  const auto response = get();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kForbidden);
  EXPECT_NE(response.error().message.find("Your session has expired."), std::string::npos)
      << response.error().message;
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(TransportTest, TellsHowLongToWaitAfter429) {
  serve(answer(429, "{}", "Retry-After: 7\r\n"));
  const auto response = get();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->retryAfter, std::chrono::seconds(7));
}

TEST_F(TransportTest, GivesUpAtTheDeadline) {
  serve([](const Request&, Reply& reply) { reply.waitGone(std::chrono::seconds(10)); });
  const auto start = steady_clock::now();
  const auto response = get(milliseconds(100));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
  EXPECT_LT(since(start), milliseconds(1000));
}

TEST_F(TransportTest, GivesUpOnAnAnswerThatDripsPastTheDeadline) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    while (!reply.waitGone(milliseconds(20))) reply.chunk("x");
  });
  const auto response = get(milliseconds(200));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
}

TEST_F(TransportTest, GivesUpOnAServerThatTakesTheConnectionAndIsSilent) {
  speakTls_ = false;
  serve(answer(200, "{}"));
  const auto start = steady_clock::now();
  const auto response = get(milliseconds(100));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
  EXPECT_LT(since(start), milliseconds(1000));
}

TEST_F(TransportTest, RefusesAnAnswerWithoutEnd) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    const std::string megabyte(1U << 20U, 'x');
    for (int i = 0; i < 64 && !reply.gone(); ++i) reply.chunk(megabyte);
  });
  const auto response = get(milliseconds(20'000));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kInternal);
}

TEST_F(TransportTest, StreamsChunksInOrderToTheProperEnd) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    for (int i = 0; i < 100; ++i) reply.chunk(std::to_string(i) + "\n");
    reply.finish();
  });
  const auto response = stream();
  ASSERT_TRUE(response) << response.error().message;
  std::string want;
  for (int i = 0; i < 100; ++i) want += std::to_string(i) + "\n";
  EXPECT_EQ(received_, want);
}

TEST_F(TransportTest, TellsThatAStreamIsOpenBeforeItsFirstByte) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    reply.waitGone(std::chrono::seconds(10));
  });
  std::stop_source stop;
  HttpRequest request;
  request.path = "/watch";
  int calls = 0;
  const auto response = transport().stream(request, stop.get_token(), [&](std::string_view bytes) {
    EXPECT_TRUE(bytes.empty());
    ++calls;
    stop.request_stop();
    return Result<void>();
  });
  EXPECT_EQ(response.error().code, ErrorCode::kStopped);
  EXPECT_EQ(calls, 1);
}

TEST_F(TransportTest, DeliversAnEventAtOnce) {
  std::latch delivered(1);
  serve([&](const Request&, Reply& reply) {
    reply.startChunks();
    reply.chunk("event\n");
    delivered.wait();  // the stream goes on only when the client has the event
    reply.finish();
  });
  HttpRequest request;
  request.path = "/watch";
  const auto response = transport().stream(request, {}, [&](std::string_view bytes) {
    if (!bytes.empty()) delivered.count_down();
    return Result<void>();
  });
  EXPECT_TRUE(response);
}

TEST_F(TransportTest, TellsACutStreamFromAnEndedOne) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    reply.chunk("event\n");
  });
  const auto response = stream();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(received_, "event\n");
}

TEST_F(TransportTest, TellsAStreamThatIsCutInsideAChunk) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    reply.raw("100\r\nonly this");
  });
  const auto response = stream();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kUnavailable);
}

TEST_F(TransportTest, EndsAStreamThatIsSilentForTooLong) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    reply.chunk("event\n");
    reply.waitGone(std::chrono::seconds(10));
  });
  const auto start = steady_clock::now();
  const auto response = stream({}, milliseconds(200));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kTimeout);
  EXPECT_LT(since(start), milliseconds(1500));
}

TEST_F(TransportTest, LetsASlowStreamLiveWhileItMoves) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    for (int i = 0; i < 8 && !reply.waitGone(milliseconds(50)); ++i) reply.chunk("x");
    reply.finish();
  });
  const auto response = stream({}, milliseconds(300));
  EXPECT_TRUE(response) << response.error().message;
  EXPECT_EQ(received_, "xxxxxxxx");
}

TEST_F(TransportTest, GivesTheBodyOfARefusedStream) {
  serve(answer(410, R"({"code": 410})"));
  const auto response = stream();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, R"({"code": 410})");
  EXPECT_TRUE(received_.empty());
}

TEST_F(TransportTest, EndsAStreamWhenItsConsumerRefuses) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    while (!reply.waitGone(milliseconds(1))) reply.chunk("line\n");
  });
  HttpRequest request;
  request.path = "/watch";
  const auto response =
      transport().stream(request, {}, [&](std::string_view bytes) -> Result<void> {
        if (bytes.empty()) return {};
        return fail(ErrorCode::kInvalid, "no");
      });
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "no");
}

TEST_F(TransportTest, HoldsAFastServerBackForASlowConsumer) {
  std::atomic<std::size_t> sent = 0;
  constexpr std::size_t kTotal = 64U << 20U;
  serve([&](const Request&, Reply& reply) {
    reply.startChunks();
    const std::string piece(256U << 10U, 'x');
    while (sent < kTotal && !reply.gone()) {
      reply.chunk(piece);
      sent += piece.size();
    }
    reply.finish();
  });
  std::size_t got = 0;
  std::size_t mostAhead = 0;
  HttpRequest request;
  request.path = "/watch";
  const auto response = transport().stream(request, {}, [&](std::string_view bytes) {
    mostAhead = std::max(mostAhead, sent.load() - std::min(sent.load(), got));
    got += bytes.size();
    std::this_thread::sleep_for(milliseconds(1));
    return Result<void>();
  });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(got, kTotal);
  EXPECT_LT(mostAhead, kTotal / 2) << "socket buffers aside, a megabyte or so may wait";
}

TEST_F(TransportTest, StopsARunningStreamAtOnce) {
  serve([](const Request&, Reply& reply) {
    reply.startChunks();
    reply.chunk("event\n");
    reply.waitGone(std::chrono::seconds(10));
  });
  milliseconds worst{0};
  for (int i = 0; i < 10; ++i) {
    std::stop_source stop;
    steady_clock::time_point asked;
    HttpRequest request;
    request.path = "/watch";
    std::latch open(1);
    std::jthread stopper([&] {
      open.wait();
      asked = steady_clock::now();
      stop.request_stop();
    });
    const auto response =
        transport().stream(request, stop.get_token(), [&](std::string_view bytes) {
          if (!bytes.empty()) open.count_down();
          return Result<void>();
        });
    const auto ended = steady_clock::now();
    stopper.join();
    ASSERT_EQ(response.error().code, ErrorCode::kStopped);
    worst = std::max(worst, std::chrono::duration_cast<milliseconds>(ended - asked));
  }
  EXPECT_LT(worst, milliseconds(50));
}

TEST_F(TransportTest, StopsARequestThatWaitsForItsAnswer) {
  std::latch arrived(1);
  serve([&](const Request&, Reply& reply) {
    arrived.count_down();
    reply.waitGone(std::chrono::seconds(10));
  });
  std::stop_source stop;
  std::jthread stopper([&] {
    arrived.wait();
    stop.request_stop();
  });
  HttpRequest request;
  request.path = "/api";
  const auto start = steady_clock::now();
  const auto response = transport().send(request, stop.get_token());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::kStopped);
  EXPECT_LT(since(start), milliseconds(1000));
}

TEST_F(TransportTest, DoesNothingWhenStoppedBefore) {
  TlsServer& server = serve(answer(200, "{}"));
  std::stop_source stop;
  stop.request_stop();
  HttpRequest request;
  request.path = "/api";
  EXPECT_EQ(transport().send(request, stop.get_token()).error().code, ErrorCode::kStopped);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(TransportTest, SurvivesStopsAtAnyMoment) {
  serve([](const Request& request, Reply& reply) {
    if (request.target != "/watch") return reply.send(200, "{}");
    reply.startChunks();
    while (!reply.waitGone(milliseconds(1))) reply.chunk(std::string(500, 'x') + "\n");
  });
  transport();
  std::vector<std::jthread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([this, w] {
      for (int i = 0; i < 20; ++i) {
        std::stop_source stop;
        const std::jthread stopper([&stop, i, w] {
          std::this_thread::sleep_for(std::chrono::microseconds(500 * (i % 20) + w * 137));
          stop.request_stop();
        });
        HttpRequest request;
        request.path = "/watch";
        const auto ended = transport().stream(request, stop.get_token(),
                                              [](std::string_view) { return Result<void>(); });
        EXPECT_EQ(ended.error().code, ErrorCode::kStopped) << ended.error().message;
        EXPECT_TRUE(get());
      }
    });
  }
}

}  // namespace
}  // namespace barevip::kube
