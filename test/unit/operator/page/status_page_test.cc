// SPDX-License-Identifier: Apache-2.0
#include "operator/page/status_page.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;

/// An open page, as far as its events go.
class Reader {
 public:
  explicit Reader(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    const std::string request = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  }

  bool gets(const std::string& text) {
    std::array<char, 4096> buffer{};
    while (all_.find(text) == std::string::npos) {
      const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (count <= 0) return false;
      all_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return true;
  }

 private:
  FileDescriptor fd_;
  std::string all_;
};

class ThePage : public testing::Test {
 protected:
  void SetUp() override {
    api_.setInterceptor([this](kube::FakeApi::Verb, const kube::Resource& resource,
                               const kube::ObjectKey&) -> std::optional<Error> {
      ++requests_;
      if (forbidden_ && resource == kube::kLeases) {
        return Error{ErrorCode::kForbidden, "leases is forbidden"};
      }
      return std::nullopt;
    });
    stores_.services.replaceAll({});
    stores_.pools.replaceAll({});
    stores_.ipObjects.replaceAll({});
    stores_.namespaces.replaceAll({});
    stores_.nodes.replaceAll({});
    stores_.serviceCidrs.replaceAll({});
    page_ = std::make_unique<StatusPage>(
        api_, clock_, stores_,
        StatusPage::Options{"127.0.0.1:0", "me", "barevip-system", assigner::ServiceRules{}},
        [this] { return leadership_; });
    const auto port = page_->listen();
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }

  void addPool(const std::string& name) {
    model::Pool pool;
    pool.key = {"", name};
    stores_.pools.put(std::move(pool));
  }

  SystemClock clock_;
  kube::FakeApi api_;
  Stores stores_;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> forbidden_ = false;
  Leadership leadership_{true, true, "me"};
  std::unique_ptr<StatusPage> page_;
  std::uint16_t port_ = 0;
};

TEST_F(ThePage, AsksTheApiServerForNothingUntilItIsOpened) {
  std::this_thread::sleep_for(300ms);  // the time in which it might
  EXPECT_EQ(requests_, 0);
  Reader reader(port_);
  EXPECT_TRUE(reader.gets("event: status"));
  EXPECT_GT(requests_, 0);
}

TEST_F(ThePage, SendsTheStateAndEachChange) {
  Reader reader(port_);
  EXPECT_TRUE(reader.gets("\"pools\":[]"));
  addPool("garden");
  EXPECT_TRUE(reader.gets("\"name\":\"garden\""));
}

TEST_F(ThePage, OfAStandbyNamesTheLeader) {
  leadership_ = {true, false, "another"};
  Reader reader(port_);
  EXPECT_TRUE(reader.gets("\"leader\":\"another\""));
  EXPECT_TRUE(reader.gets("\"role\":\"standby\""));
}

TEST_F(ThePage, SaysWhatItMayNotReadInsteadOfGuessing) {
  forbidden_ = true;
  model::Node node;
  node.key = {"", "n1"};
  stores_.nodes.put(std::move(node));
  Reader reader(port_);
  EXPECT_TRUE(reader.gets("may list and watch leases"));
  EXPECT_TRUE(reader.gets("\"daemon\":\"not known\""));
}

TEST_F(ThePage, RecordsMovesBeforeItIsOpened) {
  model::IpObject ipObject;
  ipObject.key = {"default", "web"};
  ipObject.status.address = "10.0.0.1";
  ipObject.status.node = "n1";
  stores_.ipObjects.put(ipObject);
  ipObject.status.node = "n2";
  stores_.ipObjects.put(ipObject);
  Reader reader(port_);
  EXPECT_TRUE(reader.gets("\"from\":\"n1\""));
}

TEST(ThePageAddress, ThatCannotBeListenedOnNamesItsFlag) {
  const SystemClock clock;
  kube::FakeApi api;
  Stores stores;
  StatusPage first(api, clock, stores, {"127.0.0.1:0", "a", "ns", {}}, [] { return Leadership{}; });
  const std::string taken = "127.0.0.1:" + std::to_string(first.listen().value());
  StatusPage second(api, clock, stores, {taken, "b", "ns", {}}, [] { return Leadership{}; });
  const auto refused = second.listen();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--status-address"), std::string::npos);
}

}  // namespace
}  // namespace barevip::controlplane
