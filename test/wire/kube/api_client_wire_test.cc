// SPDX-License-Identifier: Apache-2.0
// The whole client, from bytes on a TLS connection to a store: what a server may do to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "barevip/model/node.h"

#include "common/kube/api_client.h"
#include "common/kube/reflector.h"
#include "common/model/node_json.h"
#include "wire/kube/tls_server.h"

namespace barevip::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using wire::Reply;
using wire::Request;
using wire::TlsServer;

json nodeJson(const std::string& name, int version, const std::string& zone = "a") {
  return {{"metadata",
           {{"name", name},
            {"resourceVersion", std::to_string(version)},
            {"labels", {{"zone", zone}}}}}};
}

std::string listOf(const std::vector<json>& nodes, int version) {
  return json{{"kind", "NodeList"},
              {"metadata", {{"resourceVersion", std::to_string(version)}}},
              {"items", nodes}}
      .dump();
}

std::string event(const std::string& type, const json& object) {
  return json{{"type", type}, {"object", object}}.dump() + "\n";
}

std::string status(int code, const std::string& reason) {
  return json{{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", reason}}.dump();
}

class ApiWireTest : public ::testing::Test {
 protected:
  using Handler = TlsServer::Handler;

  static void SetUpTestSuite() { initialize(); }

  void serve(Handler onList, Handler onWatch) {
    const wire::Authority authority("CA");
    TlsServer::Options served;
    served.identity = authority.issue("server", {"IP:127.0.0.1"});
    server_ = std::make_unique<TlsServer>(
        served, [this, onList = std::move(onList), onWatch = std::move(onWatch)](
                    const Request& request, Reply& reply) {
          if (request.target.find("sendInitialEvents=true") != std::string::npos) {
            return onStreamedList_(request, reply);
          }
          const bool watch = request.target.find("watch=true") != std::string::npos;
          ++(watch ? watches_ : lists_);
          (watch ? onWatch : onList)(request, reply);
        });
    TransportOptions options;
    options.host = "127.0.0.1";
    options.port = server_->port();
    options.ca.data = authority.certificate();
    client_.emplace(makeTransport(options));
    reflector_ = std::make_unique<Reflector>(
        *client_, clock_, kNodes, Selection{},
        std::make_unique<StoreSink<model::Node>>(store_, model::decodeNode), [] { return 0.0; });
  }
  void TearDown() override {
    if (reflector_) reflector_->stop();
  }

  // A watch that sends these bytes and stays open.
  static Handler open(const std::string& bytes = "") {
    return [bytes](const Request&, Reply& reply) {
      reply.startChunks();
      if (!bytes.empty()) reply.chunk(bytes);
      reply.waitGone(seconds(30));
    };
  }
  static Handler answer(int code, const std::string& body, const std::string& headers = "") {
    return [=](const Request&, Reply& reply) { reply.send(code, body, headers); };
  }
  // Each handler once, the last one for ever.
  static Handler inTurn(std::vector<Handler> handlers) {
    auto count = std::make_shared<std::atomic<std::size_t>>(0);
    return [handlers = std::move(handlers), count](const Request& request, Reply& reply) {
      handlers[std::min(count->fetch_add(1), handlers.size() - 1)](request, reply);
    };
  }

  static bool eventually(const std::function<bool()>& condition) {
    const auto deadline = steady_clock::now() + seconds(20);
    while (!condition()) {
      if (steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return true;
  }
  [[nodiscard]] bool has(const std::string& name, const std::string& zone = "a") const {
    const auto node = store_.get({"", name});
    return node && node->labels == model::StringMap{{"zone", zone}};
  }
  [[nodiscard]] std::string lastWatchTarget() const {
    std::string target;
    for (const Request& request : server_->requests()) {
      if (request.target.find("watch=true") != std::string::npos) target = request.target;
    }
    return target;
  }
  [[nodiscard]] bool watchedFrom(int version) const {
    return lastWatchTarget().ends_with("&resourceVersion=" + std::to_string(version));
  }

  SystemClock clock_;
  Store<model::Node> store_;
  /// Most tests are of a server that has none.
  Handler onStreamedList_ = answer(422, status(422, "Invalid"));
  std::atomic<int> lists_ = 0;
  std::atomic<int> watches_ = 0;
  std::unique_ptr<TlsServer> server_;
  std::optional<ApiClient> client_;
  std::unique_ptr<Reflector> reflector_;
};

TEST_F(ApiWireTest, ListsAndFollows) {
  serve(answer(200, listOf({nodeJson("a", 1), nodeJson("b", 2)}, 5)),
        open(event("MODIFIED", nodeJson("a", 6, "z")) + event("DELETED", nodeJson("b", 7)) +
             event("ADDED", nodeJson("c", 8))));
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return has("c"); }));
  EXPECT_TRUE(has("a", "z"));
  EXPECT_FALSE(has("b"));
  EXPECT_TRUE(watchedFrom(5));
}

TEST_F(ApiWireTest, TakesAStreamedListThatComesByteByByteAndFollowsIt) {
  const json complete = {
      {"metadata",
       {{"resourceVersion", "5"}, {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}};
  const std::string bytes = event("ADDED", nodeJson("a", 1)) + event("ADDED", nodeJson("b", 2)) +
                            event("BOOKMARK", complete) + event("DELETED", nodeJson("b", 6));
  onStreamedList_ = [bytes](const Request&, Reply& reply) {
    reply.startChunks();
    for (const char c : bytes) reply.chunk(std::string(1, c));
    reply.waitGone(seconds(30));
  };
  serve(answer(500, "not asked for"), answer(500, "not asked for"));
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return store_.version() == "6"; }));
  EXPECT_TRUE(has("a"));
  EXPECT_EQ(store_.size(), 1U);
  EXPECT_EQ(lists_ + watches_, 0) << "one request for all of it";
}

TEST_F(ApiWireTest, TakesAListThatComesByteByByte) {
  const std::string list = listOf({nodeJson("a", 1), nodeJson("b", 2)}, 5);
  serve(
      [list](const Request&, Reply& reply) {
        reply.startChunks();
        for (const char c : list) reply.chunk(std::string(1, c));
        reply.finish();
      },
      open());
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return store_.synced(); }));
  EXPECT_EQ(store_.size(), 2U);
}

TEST_F(ApiWireTest, TakesEventsThatComeByteByByte) {
  const std::string bytes = event("ADDED", nodeJson("a", 6)) + event("ADDED", nodeJson("b", 7));
  serve(answer(200, listOf({}, 5)), [bytes](const Request&, Reply& reply) {
    reply.startChunks();
    for (const char c : bytes) reply.chunk(std::string(1, c));
    reply.waitGone(seconds(30));
  });
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return has("a") && has("b"); }));
}

TEST_F(ApiWireTest, TakesALongListInPieces) {
  std::vector<json> nodes;
  for (int i = 0; i < 2000; ++i) {
    nodes.push_back(nodeJson("node-" + std::to_string(i), i));
    nodes.back()["metadata"]["managedFields"] = std::string(2000, 'x');
  }
  serve(answer(200, listOf(nodes, 5)), open());
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return store_.synced(); }));
  EXPECT_EQ(store_.size(), 2000U);
}

TEST_F(ApiWireTest, TakesNoCutListForAWholeOne) {
  const std::string list = listOf({nodeJson("a", 1), nodeJson("b", 2)}, 5);
  serve(inTurn({[list](const Request&, Reply& reply) {
                  reply.startChunks();
                  reply.chunk(list.substr(0, list.size() / 2));
                },
                answer(200, list)}),
        open());
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return lists_ == 1 && reflector_->stats().failures == 1; }));
  EXPECT_FALSE(store_.synced());
  EXPECT_EQ(store_.size(), 0U);
  ASSERT_TRUE(eventually([&] { return store_.synced(); }));
  EXPECT_EQ(store_.size(), 2U);
}

TEST_F(ApiWireTest, TakesACutWatchUpAfterTheLastWholeEvent) {
  const std::string half = event("ADDED", nodeJson("b", 7)).substr(0, 20);
  serve(answer(200, listOf({}, 5)), inTurn({[half](const Request&, Reply& reply) {
                                              reply.startChunks();
                                              reply.chunk(event("ADDED", nodeJson("a", 6)) + half);
                                            },
                                            open(event("ADDED", nodeJson("b", 7)))}));
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return has("b"); }));
  EXPECT_TRUE(watchedFrom(6));
  EXPECT_EQ(lists_, 1);
}

TEST_F(ApiWireTest, TakesAWatchUpFromItsBookmark) {
  serve(answer(200, listOf({}, 5)),
        inTurn({[](const Request&, Reply& reply) {
                  reply.startChunks();
                  reply.chunk(event("BOOKMARK", {{"metadata", {{"resourceVersion", "42"}}}}));
                  reply.finish();
                },
                open()}));
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return watches_ == 2; }));
  EXPECT_TRUE(eventually([&] { return watchedFrom(42); }));
}

TEST_F(ApiWireTest, ListsAgainAfter410InTheMiddle) {
  serve(inTurn({answer(200, listOf({nodeJson("a", 1), nodeJson("b", 2)}, 5)),
                answer(200, listOf({nodeJson("b", 2), nodeJson("c", 8)}, 9))}),
        inTurn({open(event("ERROR", {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}})),
                open()}));
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return has("c"); }));
  EXPECT_FALSE(has("a"));
  EXPECT_TRUE(has("b"));
  EXPECT_TRUE(eventually([&] { return watchedFrom(9); }));
}

TEST_F(ApiWireTest, ListsAgainWhenAWatchIsRefusedWith410) {
  serve(inTurn({answer(200, listOf({}, 5)), answer(200, listOf({nodeJson("a", 8)}, 9))}),
        inTurn({answer(410, status(410, "Expired")), open()}));
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return has("a"); }));
}

TEST_F(ApiWireTest, WaitsAsLongAs429Says) {
  serve(inTurn({answer(429, status(429, "TooManyRequests"), "Retry-After: 2\r\n"),
                answer(200, listOf({}, 5))}),
        open());
  const auto start = steady_clock::now();
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return store_.synced(); }));
  EXPECT_GE(steady_clock::now() - start, milliseconds(1950));
}

TEST_F(ApiWireTest, ComesBackAfterServerErrorsWithoutAHotLoop) {
  serve(inTurn({answer(500, "oops"), answer(503, status(503, "ServiceUnavailable")),
                answer(200, listOf({nodeJson("a", 1)}, 5))}),
        open());
  const auto start = steady_clock::now();
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return has("a"); }));
  EXPECT_GE(steady_clock::now() - start, milliseconds(2300)) << "0.8 s and 1.6 s";
}

TEST_F(ApiWireTest, LeavesOutAnEventThatIsTooLong) {
  serve(answer(200, listOf({}, 5)), [](const Request&, Reply& reply) {
    reply.startChunks();
    const std::string part(256U << 10U, 'x');
    for (int i = 0; i < 64 && !reply.gone(); ++i) reply.chunk(part);
    reply.chunk("\n" + event("ADDED", nodeJson("a", 6)));
    reply.waitGone(seconds(30));
  });
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return has("a"); }));
  EXPECT_EQ(reflector_->stats().undecodable, 1U);
  EXPECT_EQ(watches_, 1);
}

TEST_F(ApiWireTest, LeavesOutAnItemThatIsTooLong) {
  json huge = nodeJson("huge", 1);
  huge["spec"] = std::string(5U << 20U, 'x');
  serve(answer(200, listOf({huge, nodeJson("a", 2)}, 5)), open());
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return has("a"); }));
  EXPECT_EQ(reflector_->stats().undecodable, 1U);
  EXPECT_EQ(lists_, 1);
}

TEST_F(ApiWireTest, ListsAgainWhenAnErrorComesAgainAndAgain) {
  serve(inTurn({answer(200, listOf({}, 5)), answer(200, listOf({nodeJson("a", 8)}, 9))}),
        inTurn({open(event("ERROR", {{"kind", "Status"}, {"code", 500}})),
                open(event("ERROR", {{"kind", "Status"}, {"code", 500}})),
                open(event("ERROR", {{"kind", "Status"}, {"code", 500}})), open()}));
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return has("a"); }));
  EXPECT_EQ(lists_, 2);
}

TEST_F(ApiWireTest, SurvivesNonsense) {
  serve(inTurn({answer(200, "<html>"), answer(200, "[]"), answer(200, listOf({}, 5))}),
        open("nonsense\n" + event("ADDED", "text") + event("ADDED", nodeJson("a", 6))));
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return has("a"); }));
  EXPECT_EQ(reflector_->stats().undecodable, 2U);
}

TEST_F(ApiWireTest, DoesNotAskInALoopWhenWatchesSendOnlyNonsense) {
  serve(answer(200, listOf({}, 5)), answer(200, "nonsense\n"));
  const auto start = steady_clock::now();
  reflector_->start();
  EXPECT_TRUE(eventually([&] { return watches_ == 3; }));
  EXPECT_GE(steady_clock::now() - start, milliseconds(2'300)) << "0.8 s and 1.6 s";
}

TEST_F(ApiWireTest, DeliversEventsWithoutDelay) {
  std::mutex mutex;
  std::vector<steady_clock::time_point> sent;
  serve(answer(200, listOf({}, 5)), [&](const Request&, Reply& reply) {
    reply.startChunks();
    for (int i = 0; i < 200 && !reply.waitGone(milliseconds(1)); ++i) {
      {
        const std::lock_guard lock(mutex);
        sent.push_back(steady_clock::now());
      }
      reply.chunk(event("ADDED", nodeJson("node-" + std::to_string(i), 10 + i)));
    }
    reply.waitGone(seconds(30));
  });
  std::vector<steady_clock::time_point> got;
  store_.addHandler([&](const auto&, const auto&) {
    const std::lock_guard lock(mutex);
    got.push_back(steady_clock::now());
  });
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return store_.size() == 200; }));
  reflector_->stop();
  std::vector<steady_clock::duration> delays;
  for (std::size_t i = 0; i < 200; ++i) delays.push_back(got[i] - sent[i]);
  std::nth_element(delays.begin(), delays.begin() + 100, delays.end());
  EXPECT_LT(delays[100], milliseconds(20)) << "a millisecond on an idle machine";
}

TEST_F(ApiWireTest, StopsWithinATenthOfASecond) {
  serve(answer(200, listOf({}, 5)), open(event("ADDED", nodeJson("a", 6))));
  reflector_->start();
  ASSERT_TRUE(eventually([&] { return has("a"); }));
  const auto start = steady_clock::now();
  reflector_->stop();
  EXPECT_LT(steady_clock::now() - start, milliseconds(100));
}

TEST_F(ApiWireTest, WritesAndReadsObjects) {
  serve(
      [](const Request& request, Reply& reply) {
        if (request.method == "POST") return reply.send(409, status(409, "AlreadyExists"));
        if (request.method == "PUT") return reply.send(409, status(409, "Conflict"));
        if (request.method == "DELETE") return reply.send(404, status(404, "NotFound"));
        if (request.method == "PATCH") return reply.send(200, request.body);
        reply.send(200, nodeJson("a", 1).dump());
      },
      open());
  const ObjectKey key{"", "a"};
  EXPECT_EQ((*client_->get(kNodes, key, {}))["metadata"]["name"], "a");
  EXPECT_EQ(*client_->patch(kNodes, key, "status", {{"a", 1}}, {}), (json{{"a", 1}}));
  EXPECT_EQ(client_->create(kNodes, "", {}, {}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(client_->replace(kNodes, key, {}, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(client_->remove(kNodes, key, "", {}).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace barevip::kube
