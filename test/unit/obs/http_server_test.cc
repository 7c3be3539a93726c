// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "unit/obs/loopback_client.h"

namespace barevip::obs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// CPU time of this process.
milliseconds cpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return std::chrono::duration_cast<milliseconds>(of(usage.ru_utime) + of(usage.ru_stime));
}

// Takes all descriptors that this process may have, until it is destroyed.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &few);
    while (taken_.empty() || taken_.back().valid()) taken_.emplace_back(dup(STDERR_FILENO));
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<FileDescriptor> taken_;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.handle("/healthz", [] { return HttpAnswer{200, "ok\n"}; });
    server_.handle("/readyz", [] { return HttpAnswer{503, "waiting for the API server\n"}; });
    const auto port = server_.start("127.0.0.1:0");
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }

  HttpServer server_{patient()};
  std::uint16_t port_ = 0;
};

TEST_F(HttpServerTest, AnswersItsPaths) {
  EXPECT_NE(ask(port_, "GET /healthz HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
  EXPECT_NE(ask(port_, "GET /readyz?verbose HTTP/1.1\r\n\r\n").find("waiting for the API"),
            std::string::npos);
}

TEST_F(HttpServerTest, RefusesOtherPathsAndMethods) {
  EXPECT_NE(ask(port_, "GET /secret HTTP/1.1\r\n\r\n").find("404"), std::string::npos);
  EXPECT_NE(ask(port_, "DELETE /healthz HTTP/1.1\r\n\r\n").find("405"), std::string::npos);
  EXPECT_NE(ask(port_, "\r\n\r\n").find("405"), std::string::npos);
}

TEST_F(HttpServerTest, DropsARequestThatNeverEndsAndServesTheNext) {
  EXPECT_EQ(ask(port_, std::string(100000, 'x')).find("200"), std::string::npos);
  EXPECT_NE(ask(port_, "GET /healthz HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, ServesWhileOthersAreSilentOrNeverEnd) {
  std::vector<FileDescriptor> others;
  for (int i = 0; i < 8; ++i) {
    others.push_back(newSocket());
    ASSERT_TRUE(connectTo(others.back(), port_));
    const std::string text = i % 2 == 0 ? "" : "GET /healthz HTTP/1.1\r\n";
    send(others.back().get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  EXPECT_NE(ask(port_, "GET /healthz HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
  for (const FileDescriptor& other : others) EXPECT_TRUE(isWaiting(other)) << "nobody had to leave";
}

TEST_F(HttpServerTest, ServesManyAtTheSameTime) {
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(newSocket());
    ASSERT_TRUE(connectTo(clients.back(), port_));
  }
  for (auto client = clients.rbegin(); client != clients.rend(); ++client) {
    EXPECT_NE(exchange(*client, "GET /healthz HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
  }
}

TEST(HttpServerPages, ClientsThatDoNotReadShareOneCopyOfAPage) {
  constexpr std::size_t kMoreThanSocketsBuffer = 32U << 20U;
  std::atomic<int> made = 0;
  HttpServer server(patient());
  server.handle("/metrics", [&made] {
    ++made;
    return HttpAnswer{200, std::string(kMoreThanSocketsBuffer, 'x')};
  });
  const std::uint16_t port = server.start("127.0.0.1:0").value();
  const auto start = steady_clock::now();
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(newSocket());
    ASSERT_TRUE(connectTo(clients.back(), port));
    const std::string text = "GET /metrics HTTP/1.1\r\n\r\n";
    send(clients.back().get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  EXPECT_GT(ask(port, "GET /metrics HTTP/1.1\r\n\r\n").size(), kMoreThanSocketsBuffer);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(steady_clock::now() - start);
  EXPECT_LE(made, 1 + seconds.count());
}

TEST_F(HttpServerTest, DropsTheOldestWhenThereAreTooMany) {
  const FileDescriptor first = newSocket();
  ASSERT_TRUE(connectTo(first, port_));
  std::vector<FileDescriptor> others;
  for (int i = 0; i < 40; ++i) {
    others.push_back(newSocket());
    ASSERT_TRUE(connectTo(others.back(), port_));
  }
  const auto start = steady_clock::now();
  EXPECT_NE(exchange(others.back(), "GET /healthz HTTP/1.1\r\n\r\n").find("200 OK"),
            std::string::npos);
  EXPECT_EQ(exchange(first, ""), "");
  EXPECT_LT(steady_clock::now() - start, patient().clientTime) << "before its time was over";
}

TEST(HttpServerSettings, DropASilentClientAfterItsTime) {
  HttpServer::Settings settings;
  settings.clientTime = milliseconds(300);
  HttpServer server(settings);
  const std::uint16_t port = server.start("127.0.0.1:0").value();
  const auto start = steady_clock::now();
  EXPECT_EQ(ask(port, "GET /heal"), "");
  EXPECT_GE(steady_clock::now() - start, settings.clientTime);
}

TEST_F(HttpServerTest, WaitsForAFreeDescriptorWithoutSpinning) {
  const FileDescriptor client = newSocket();
  {
    const NoDescriptors none;
    ASSERT_TRUE(connectTo(client, port_));
    const auto before = cpuTime();
    std::this_thread::sleep_for(milliseconds(400));  // the time in which it might spin
    EXPECT_LT(cpuTime() - before, milliseconds(100));
  }
  EXPECT_NE(exchange(client, "GET /healthz HTTP/1.1\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersHeadWithTheHeadAlone) {
  const std::string answer = ask(port_, "HEAD /healthz HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n"));
  EXPECT_NE(answer.find("Content-Length: 3\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, NamesItsPathsToWhoAsksForAnother) {
  EXPECT_NE(ask(port_, "GET / HTTP/1.1\r\n\r\n").find("try /healthz, /readyz\n"),
            std::string::npos);
}

TEST_F(HttpServerTest, TakesTheCookiesOfABrowserAndRefusesAnEndlessHead) {
  const std::string cookies = "GET /healthz HTTP/1.1\r\nCookie: " + std::string(8'000, 'x');
  EXPECT_NE(ask(port_, cookies + "\r\n\r\n").find("200 OK"), std::string::npos);
  EXPECT_NE(ask(port_, std::string(HttpExchange::kMaxRequest + 1, 'x')).find("431"),
            std::string::npos);
}

TEST(HttpServerSettings, AddTheirHeadersToEachReply) {
  HttpServer::Settings settings;
  settings.headers = "X-Frame-Options: DENY\r\n";
  HttpServer server(settings);
  server.handle("/", [] { return HttpAnswer{200, "ok\n"}; });
  const std::uint16_t port = server.start("127.0.0.1:0").value();
  for (const std::string request : {"GET / ", "GET /other ", "POST / "}) {
    EXPECT_NE(ask(port, request + "HTTP/1.1\r\n\r\n").find("\r\nX-Frame-Options: DENY\r\n"),
              std::string::npos)
        << request;
  }
}

struct HostCase {
  std::string host;
  bool served;
};

TEST(HttpServerSettings, RefusesANameThatAnotherSiteMayLetLeadHere) {
  HttpServer::Settings settings;
  settings.refusesNames = true;
  HttpServer server(settings);
  server.handle("/", [] { return HttpAnswer{200, "ok\n"}; });
  const std::uint16_t port = server.start("127.0.0.1:0").value();
  const HostCase cases[] = {{"localhost", true},
                            {"LocalHost:8081", true},
                            {"127.0.0.1:8081", true},
                            {"[::1]:8081", true},
                            {"[::1]", true},
                            {" 10.1.2.3 ", true},
                            {"attacker.example", false},
                            {"localhost.attacker.example:8081", false},
                            {"127.0.0.1.attacker.example", false},
                            {"[::1", false}};
  for (const auto& [host, served] : cases) {
    const std::string answer =
        ask(port, "GET / HTTP/1.1\r\nAccept: */*\r\nhOST:" + host + "\r\n\r\n");
    EXPECT_EQ(answer.find(" 200 ") != std::string::npos, served) << host;
    EXPECT_EQ(answer.find(" 421 ") != std::string::npos, !served) << host;
  }
  EXPECT_NE(ask(port, "GET / HTTP/1.0\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST(HttpServerAddress, RefusesWhatIsNoListenAddress) {
  for (const std::string text :
       {"", "8080", "host", "127.0.0.1:", "127.0.0.1:99999", "::1:80", "a:b"}) {
    HttpServer server;
    EXPECT_FALSE(server.start(text)) << text;
  }
}

TEST(HttpServerAddress, ListensOnIpv6AndOnAllAddresses) {
  HttpServer all;
  const auto port = all.start(":0");
  ASSERT_TRUE(port) << port.error().message;
  HttpServer taken;
  const auto second = taken.start("127.0.0.1:" + std::to_string(*port));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("--metrics-address"), std::string::npos);
}

}  // namespace
}  // namespace barevip::obs
