// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/kube_proxy_mode.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "common/base/file_descriptor.h"

namespace barevip::host {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Answers one connection with these bytes, or takes it and stays silent.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, bool silent = false)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_storage storage{};
    std::memcpy(&storage, &address, sizeof(address));
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&storage), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    socklen_t size = sizeof(storage);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    std::memcpy(&address, &storage, sizeof(address));
    port_ = ntohs(address.sin_port);
    if (silent) return;
    thread_ = std::jthread([this, answer = std::move(answer)] {
      const FileDescriptor connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::array<char, 1024> request;
      const ssize_t got = ::recv(connection.get(), request.data(), request.size(), 0);
      if (got > 0) request_.assign(request.data(), static_cast<std::size_t>(got));
      ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  const std::string& request() {
    thread_.join();
    return request_;
  }

 private:
  FileDescriptor listener_;
  std::uint16_t port_ = 0;
  std::string request_;
  std::jthread thread_;
};

std::string ok(const std::string& body) {
  return "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body;
}

TEST(KubeProxyMode, ItsOwnAnswerIsTaken) {
  for (const KubeProxyMode mode :
       {KubeProxyMode::kIptables, KubeProxyMode::kIpvs, KubeProxyMode::kNftables}) {
    OneAnswer server(ok(std::string(toString(mode))));
    const auto answer = askKubeProxy(server.port(), 10s);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, mode);
    EXPECT_TRUE(server.request().starts_with("GET /proxyMode HTTP/1."));
  }
}

TEST(KubeProxyMode, AModeOfTheFutureIsUnknown) {
  EXPECT_EQ(parseProxyMode("ebpf"), KubeProxyMode::kUnknown);
  EXPECT_EQ(parseProxyMode(""), KubeProxyMode::kUnknown);
  EXPECT_EQ(parseProxyMode(" \r\n"), KubeProxyMode::kUnknown);
  EXPECT_EQ(parseProxyMode("ipvs\n"), KubeProxyMode::kIpvs);
}

TEST(KubeProxyMode, AnotherServersAnswerIsAnError) {
  for (const std::string& text :
       {std::string("HTTP/1.1 404 Not Found\r\n\r\n"), std::string("SSH-2.0-OpenSSH\r\n"),
        std::string(), std::string("HTTP/1.1 200"), std::string("HTTP/1."),
        std::string(100'000, 'x')}) {
    OneAnswer server(text);
    const auto answer = askKubeProxy(server.port(), 10s);
    ASSERT_FALSE(answer) << text.substr(0, 40);
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  }
}

TEST(KubeProxyMode, NobodyThereIsUnavailable) {
  std::uint16_t port = 0;
  {
    const OneAnswer gone({}, true);
    port = gone.port();
  }
  const auto answer = askKubeProxy(port, 10s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
}

TEST(KubeProxyMode, SilenceEndsAtTheDeadline) {
  const OneAnswer silent({}, true);
  const auto answer = askKubeProxy(silent.port(), 50ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

TEST(KubeProxyMode, AStopEndsTheWait) {
  const OneAnswer silent({}, true);
  std::stop_source source;
  source.request_stop();
  const auto answer = askKubeProxy(silent.port(), 100s, source.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kStopped);
}

/// A program that prints what the test wants.
class Printer final : public CommandRunner {
 public:
  std::map<std::string, std::string> output;

  Result<CommandOutput> run(const Command& command, std::stop_token) override {
    const auto at = output.find(toString(command));
    if (at == output.end()) return CommandOutput{1, "", "No such file or directory"};
    const bool kept = !command.keepLine || command.keepLine(at->second);
    return CommandOutput{0, kept ? at->second : "", {}};
  }
};

TEST(KubeProxyMode, WithoutAnAnswerItsTracesTell) {
  std::uint16_t port = 0;
  {
    const OneAnswer gone({}, true);
    port = gone.port();
  }
  Printer printer;
  EXPECT_EQ(detectKubeProxyMode(printer, {}, port), KubeProxyMode::kNone);
  printer.output["nft list chain ip mangle KUBE-PROXY-CANARY"] = "chain KUBE-PROXY-CANARY {";
  EXPECT_EQ(detectKubeProxyMode(printer, {}, port), KubeProxyMode::kIptables);
  printer.output["nft list tables"] = "table ip kube-proxy";
  EXPECT_EQ(detectKubeProxyMode(printer, {}, port), KubeProxyMode::kNftables);
}

TEST(KubeProxyMode, OnlyModesThatLeaveIpvsAloneAllowPlacementHost) {
  EXPECT_TRUE(hostPlacementAllowed(KubeProxyMode::kIptables));
  EXPECT_TRUE(hostPlacementAllowed(KubeProxyMode::kNone));
  const std::vector<std::pair<KubeProxyMode, std::string>> refused{
      {KubeProxyMode::kIpvs, "deletes virtual servers"},
      {KubeProxyMode::kNftables, "flushes all of IPVS"},
      {KubeProxyMode::kUnknown, "mode that is not known"}};
  for (const auto& [mode, reason] : refused) {
    const auto verdict = hostPlacementAllowed(mode);
    ASSERT_FALSE(verdict);
    EXPECT_NE(verdict.error().message.find(reason), std::string::npos);
    EXPECT_NE(verdict.error().message.find("--placement=director"), std::string::npos);
  }
}

}  // namespace
}  // namespace barevip::host
