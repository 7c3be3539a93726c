// SPDX-License-Identifier: Apache-2.0
#include "common/obs/event_stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/obs/http_server.h"
#include "unit/obs/loopback_client.h"

namespace barevip::obs {
namespace {

using namespace std::chrono_literals;

/// A client of the stream at /events.
class Client {
 public:
  explicit Client(std::uint16_t port, const std::string& method = "GET") {
    EXPECT_TRUE(connectTo(fd_, port));
    say(method + " /events HTTP/1.1\r\n\r\n");
  }

  void say(const std::string& text) const {
    send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }

  /// Reads until the text came, or the server closed.
  bool gets(const std::string& text) {
    std::size_t from = 0;
    while (all_.find(text, from) == std::string::npos) {
      from = all_.size() < text.size() ? 0 : all_.size() - text.size();
      if (!readOn()) return false;
    }
    return true;
  }
  std::string rest() {
    while (readOn()) {
    }
    return all_;
  }
  [[nodiscard]] const std::string& all() const { return all_; }

 private:
  bool readOn() {
    std::array<char, 65536> buffer{};
    const ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) return false;
    all_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }

  FileDescriptor fd_ = newSocket();
  std::string all_;
};

class EventStreamTest : public testing::Test {
 protected:
  static constexpr std::size_t kMost = 3;

  void SetUp() override {
    server_.handleStream("/events", stream_, kMost);
    server_.handle("/", [] { return HttpAnswer{200, "page\n"}; });
    port_ = server_.start("127.0.0.1:0").value();
  }

  void waitForReaders(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + 1min;
    while (stream_.readers() != count && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(5ms);
    }
    ASSERT_EQ(stream_.readers(), count);
  }

  EventStream stream_;
  HttpServer server_{patient()};
  std::uint16_t port_ = 0;
};

TEST_F(EventStreamTest, SendsTheNewestEventAtOnceAndTheNextWhenItComes) {
  stream_.publish("status", "old");
  stream_.publish("status", "{1}");
  Client client(port_);
  EXPECT_TRUE(client.gets("event: status\ndata: {1}\n\n"));
  EXPECT_NE(client.all().find("Content-Type: text/event-stream"), std::string::npos);
  EXPECT_EQ(client.all().find("old"), std::string::npos);
  stream_.publish("status", "{2}");
  EXPECT_TRUE(client.gets("event: status\ndata: {2}\n\n"));
}

TEST_F(EventStreamTest, AfterClearingSendsNothingOld) {
  stream_.publish("status", "old");
  stream_.clear();
  Client client(port_);
  waitForReaders(1);
  stream_.publish("status", "new");
  EXPECT_TRUE(client.gets("data: new\n\n"));
  EXPECT_EQ(client.all().find("old"), std::string::npos);
}

TEST_F(EventStreamTest, SaysThatTheConnectionStandsWhileNothingHappens) {
  Client client(port_);
  EXPECT_TRUE(client.gets("event: alive\n"));
}

TEST_F(EventStreamTest, RefusesOneReaderTooManyInOneSentenceUntilAnotherLeaves) {
  std::vector<std::unique_ptr<Client>> clients;
  clients.reserve(kMost);
  for (std::size_t i = 0; i < kMost; ++i) clients.push_back(std::make_unique<Client>(port_));
  waitForReaders(kMost);
  const std::string refused = Client(port_).rest();
  EXPECT_TRUE(refused.starts_with("HTTP/1.0 503 Service Unavailable\r\n")) << refused;
  EXPECT_NE(refused.find("there are 3 readers of these events already: close one of them\n"),
            std::string::npos)
      << refused;
  clients.pop_back();
  waitForReaders(kMost - 1);
  stream_.publish("status", "again");
  EXPECT_TRUE(Client(port_).gets("data: again"));
}

TEST_F(EventStreamTest, ReadersDoNotGiveWayToOtherClients) {
  Client reader(port_);
  waitForReaders(1);
  std::vector<std::unique_ptr<Client>> others;
  others.reserve(60);
  for (int i = 0; i < 60; ++i) others.push_back(std::make_unique<Client>(port_, "HEAD"));
  stream_.publish("status", "still here");
  EXPECT_TRUE(reader.gets("data: still here"));
}

TEST_F(EventStreamTest, AReaderThatSaysMoreIsDropped) {
  Client client(port_);
  waitForReaders(1);
  client.say("GET / HTTP/1.1\r\n\r\n");
  waitForReaders(0);
}

TEST_F(EventStreamTest, ASlowReaderIsDroppedWhileOthersGoOn) {
  const Client slow(port_);
  Client quick(port_);
  waitForReaders(2);
  // More than sockets take.
  stream_.publish("status", std::string(12U << 20U, 'x'));
  ASSERT_TRUE(quick.gets("x\n\n"));
  const auto end = std::chrono::steady_clock::now() + EventReader::kEventTime + 1min;
  while (stream_.readers() == 2 && std::chrono::steady_clock::now() < end) {
    ASSERT_TRUE(quick.gets("\n\n"));
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(stream_.readers(), 1U);
  stream_.publish("status", "on");
  EXPECT_TRUE(quick.gets("data: on\n\n"));
}

TEST_F(EventStreamTest, AHeadRequestIsNoReader) {
  EXPECT_TRUE(Client(port_, "HEAD").rest().ends_with("\r\n\r\n"));
  EXPECT_EQ(stream_.readers(), 0U);
}

TEST(EventStreamWait, EndsWithItsToken) {
  EventStream stream;
  std::stop_source stop;
  std::jthread waiting([&] { EXPECT_FALSE(stream.waitForReader(stop.get_token())); });
  stop.request_stop();
}

}  // namespace
}  // namespace barevip::obs
