// SPDX-License-Identifier: Apache-2.0
#include "common/obs/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace barevip::obs {
namespace {

// Sends the text to a loopback port and returns all that comes back until the server closes.
std::string ask(std::uint16_t port, const std::string& text) {
  const FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return "no connection";
  send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  std::string all;
  std::array<char, 512> buffer{};
  for (ssize_t n = 0; (n = recv(fd.get(), buffer.data(), buffer.size(), 0)) > 0;) {
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return all;
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.handle("/healthz", [] { return HttpAnswer{200, "ok\n"}; });
    server_.handle("/readyz", [] { return HttpAnswer{503, "waiting for the API server\n"}; });
    const auto port = server_.start("127.0.0.1:0");
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }

  HttpServer server_;
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
