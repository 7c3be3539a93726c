// SPDX-License-Identifier: Apache-2.0
// What the client asks for, and what it makes of answers; the bytes are tested in test/wire.
#include "common/kube/api_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::kube {
namespace {

using nlohmann::json;

// Gives prepared answers in order and keeps the requests.
class ScriptedTransport final : public Transport {
 public:
  struct State {
    std::deque<HttpResponse> answers;
    std::vector<HttpRequest> requests;
  };

  explicit ScriptedTransport(std::shared_ptr<State> state) : state_(std::move(state)) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    state_->requests.push_back(request);
    HttpResponse answer = state_->answers.front();
    state_->answers.pop_front();
    return answer;
  }

  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const OnBytes& onBytes) override {
    auto answer = send(request, std::move(stop));
    if (answer->status != 200) return answer;
    for (const std::string_view piece : {std::string_view(), std::string_view(answer->body)}) {
      if (auto taken = onBytes(piece); !taken) return tl::make_unexpected(taken.error());
    }
    return HttpResponse{200, {}, {}};
  }

 private:
  std::shared_ptr<State> state_;
};

class ApiClientTest : public ::testing::Test {
 protected:
  void answer(int status, const std::string& body) {
    state_->answers.push_back({status, body, {}});
  }
  void answer(const json& body) { answer(200, body.dump()); }

  [[nodiscard]] const HttpRequest& request(std::size_t index = 0) const {
    return state_->requests.at(index);
  }

  Result<std::string> list(const Resource& resource, const Selection& selection = {}) {
    return client_.list(resource, selection, [this](const json& object) { take(object); }, {});
  }

  Result<void> watch(const std::string& version = "10") {
    return client_.watch(kServices, {}, version,
                         [this](WatchEvent::Type type, const json& object) {
                           types_.push_back(type);
                           if (!object.is_null()) take(object);
                         },
                         {});
  }

  void take(const json& object) {
    if (object.is_string()) {
      unreadable_.push_back(object);
    } else {
      names_.push_back(object["metadata"].value("name", ""));
    }
  }

  std::shared_ptr<ScriptedTransport::State> state_ = std::make_shared<ScriptedTransport::State>();
  ApiClient client_{std::make_unique<ScriptedTransport>(state_), [] { return 0.5; }};
  std::vector<std::string> names_;
  std::vector<std::string> unreadable_;
  std::vector<WatchEvent::Type> types_;
};

TEST_F(ApiClientTest, ARequestForOneObjectTakesNoLongerThanItIsGiven) {
  answer(json::object());
  (void)client_.get(kServices, {"default", "web"}, {});
  EXPECT_EQ(request().deadline, std::chrono::seconds(5));
  ApiClient patient(std::make_unique<ScriptedTransport>(state_), systemRandom(),
                    std::chrono::seconds(12));
  answer(json::object());
  (void)patient.replace(kLeases, {"default", "lead"}, json::object(), {});
  EXPECT_EQ(request(1).deadline, std::chrono::seconds(12));
}

TEST_F(ApiClientTest, FindsEachKindAtItsPath) {
  struct Case {
    Resource resource;
    ObjectKey key;
    std::string path;
  };
  for (const Case& each :
       {Case{kServices, {"shop", "web"}, "/api/v1/namespaces/shop/services/web"},
        {kNodes, {"", "node-1"}, "/api/v1/nodes/node-1"},
        {kLeases, {"a", "b"}, "/apis/coordination.k8s.io/v1/namespaces/a/leases/b"},
        {kPools, {"", "lan"}, "/apis/barevip.dev/v1alpha1/pools/lan"},
        {kIps, {"a", "x/../y?z"}, "/apis/barevip.dev/v1alpha1/namespaces/a/ips/x%2F..%2Fy%3Fz"}}) {
    state_->requests.clear();
    answer(json::object());
    ASSERT_TRUE(client_.get(each.resource, each.key, {}));
    EXPECT_EQ(request().path, each.path);
    EXPECT_EQ(request().method, "GET");
  }
}

TEST_F(ApiClientTest, NeverAsksForOneObjectWithoutItsName) {
  EXPECT_FALSE(client_.get(kServices, {"shop", ""}, {}));
  EXPECT_FALSE(client_.remove(kServices, {"", "web"}, "", {}));
  EXPECT_FALSE(client_.replace(kPools, {"", ""}, {}, {}));
  EXPECT_TRUE(state_->requests.empty());
}

TEST_F(ApiClientTest, ListsPageByPage) {
  answer({{"metadata", {{"resourceVersion", "9"}, {"continue", "a=b"}}},
          {"items", {{{"metadata", {{"name", "one"}}}}, {{"metadata", {{"name", "two"}}}}}}});
  answer(
      {{"metadata", {{"resourceVersion", "9"}}}, {"items", {{{"metadata", {{"name", "three"}}}}}}});
  const auto version = list(kServices, {"shop", "a in (b)", "metadata.name=x"});
  EXPECT_EQ(version, "9");
  EXPECT_EQ(names_, (std::vector<std::string>{"one", "two", "three"}));
  const std::string path =
      "/api/v1/namespaces/shop/services?limit=500&labelSelector=a%20in%20%28b%29"
      "&fieldSelector=metadata.name%3Dx";
  EXPECT_EQ(request(0).path, path);
  EXPECT_EQ(request(1).path, path + "&continue=a%3Db");
}

TEST_F(ApiClientTest, TellsThatAListExpiredBetweenItsPages) {
  answer({{"metadata", {{"resourceVersion", "9"}, {"continue", "x"}}}, {"items", json::array()}});
  answer(410, R"({"reason": "Expired", "message": "too old"})");
  EXPECT_EQ(list(kServices).error().code, ErrorCode::kExpired);
}

TEST_F(ApiClientTest, TakesNoHalfListForAWholeOne) {
  answer(200, R"({"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "a"}})");
  EXPECT_EQ(list(kServices).error().code, ErrorCode::kUnavailable);
  answer(200, R"({"items": []})");
  EXPECT_EQ(list(kServices).error().code, ErrorCode::kInternal);
  answer(200, "<html>");
  EXPECT_EQ(list(kServices).error().code, ErrorCode::kInvalid);
}

TEST_F(ApiClientTest, WatchesFromAVersionWithBookmarks) {
  answer(200, R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
              "\n"
              R"({"type":"MODIFIED","object":{"metadata":{"name":"b"}}})"
              "\n"
              R"({"type":"DELETED","object":{"metadata":{"name":"c"}}})"
              "\n"
              R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12"}}})"
              "\n"
              R"({"type":"FUTURE","object":{"metadata":{"name":"d"}}})"
              "\n");
  ASSERT_TRUE(watch());
  using Type = WatchEvent::Type;
  EXPECT_EQ(types_, (std::vector<Type>{Type::kOpened, Type::kAdded, Type::kModified, Type::kDeleted,
                                       Type::kBookmark}));
  EXPECT_EQ(names_, (std::vector<std::string>{"a", "b", "c", ""}));
  EXPECT_EQ(request().path,
            "/api/v1/services?watch=true&allowWatchBookmarks=true&timeoutSeconds=450"
            "&resourceVersion=10");
}

TEST_F(ApiClientTest, StreamsAListAndTellsWhenItIsComplete) {
  answer(200, R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})"
              "\n"
              R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"11"}}})"
              "\n"
              R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"12",)"
              R"("annotations":{"k8s.io/initial-events-end":"true"}}}})"
              "\n"
              R"({"type":"DELETED","object":{"metadata":{"name":"a"}}})"
              "\n");
  ASSERT_TRUE(watch(""));
  using Type = WatchEvent::Type;
  EXPECT_EQ(types_, (std::vector<Type>{Type::kOpened, Type::kAdded, Type::kBookmark, Type::kListed,
                                       Type::kDeleted}));
  EXPECT_EQ(request().path,
            "/api/v1/services?watch=true&allowWatchBookmarks=true&timeoutSeconds=450"
            "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
}

TEST_F(ApiClientTest, TellsThatTheServerStreamsNoLists) {
  const std::string refusal = R"({"message": "sendInitialEvents: Forbidden"})";
  answer(422, refusal);
  EXPECT_EQ(watch("").error().code, ErrorCode::kUnsupported);
  answer(422, refusal);
  EXPECT_EQ(watch("10").error().code, ErrorCode::kInvalid) << "that was no streamed list";
  answer(500, refusal);
  EXPECT_EQ(watch("").error().code, ErrorCode::kUnavailable);
}

TEST_F(ApiClientTest, TakesNoStreamedListWithoutAVersion) {
  answer(200, R"({"type":"BOOKMARK","object":{"metadata":{)"
              R"("annotations":{"k8s.io/initial-events-end":"true"}}}})"
              "\n");
  EXPECT_EQ(watch("").error().code, ErrorCode::kInternal);
}

TEST_F(ApiClientTest, EndsAWatchAtItsErrorEvent) {
  answer(200, R"({"type":"ERROR","object":{"code":410,"message":"too old"}})"
              "\n");
  EXPECT_EQ(watch().error().code, ErrorCode::kExpired);
  answer(410, R"({"code": 410})");
  EXPECT_EQ(watch().error().code, ErrorCode::kExpired);
}

TEST_F(ApiClientTest, TellsThatAWatchWasCutInsideAnEvent) {
  answer(200, R"({"type":"ADDED","object":{"meta)");
  EXPECT_EQ(watch().error().code, ErrorCode::kUnavailable);
}

TEST_F(ApiClientTest, GoesOnAfterAnEventOrItemThatCannotBeRead) {
  answer(200, R"({"type":"ADDED","object":{"metadata":{"name":"a"},"n":1e999}})"
              "\n"
              R"({"type":"ADDED","object":{"metadata":{"name":"b"}}})"
              "\n");
  ASSERT_TRUE(watch());
  EXPECT_EQ(names_, (std::vector<std::string>{"b"}));
  ASSERT_EQ(unreadable_.size(), 1U);
  EXPECT_NE(unreadable_[0].find(R"("name":"a")"), std::string::npos) << "it is named";

  answer(200, R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"c"},"n":1e999},
                  {"metadata":{"name":"d"}}]})");
  ASSERT_TRUE(list(kServices));
  EXPECT_EQ(names_, (std::vector<std::string>{"b", "d"}));
  ASSERT_EQ(unreadable_.size(), 2U);
  EXPECT_NE(unreadable_[1].find(R"("name":"c")"), std::string::npos);
}

TEST_F(ApiClientTest, CreatesInTheNamespace) {
  answer(201, R"({"metadata": {"uid": "u"}})");
  const auto made = client_.create(kIps, "shop", {{"spec", {{"pool", "lan"}}}}, {});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)["metadata"]["uid"], "u");
  EXPECT_EQ(request().method, "POST");
  EXPECT_EQ(request().path,
            "/apis/barevip.dev/v1alpha1/namespaces/shop/ips?fieldValidation=Ignore");
  EXPECT_EQ(request().body, R"({"spec":{"pool":"lan"}})");
}

TEST_F(ApiClientTest, PatchesAStatusByMerge) {
  answer(json::object());
  ASSERT_TRUE(client_.patch(kServices, {"shop", "web"}, "status", {{"status", nullptr}}, {}));
  EXPECT_EQ(request().method, "PATCH");
  EXPECT_EQ(request().path, "/api/v1/namespaces/shop/services/web/status?fieldValidation=Ignore");
  EXPECT_EQ(request().contentType, "application/merge-patch+json");
  EXPECT_EQ(request().body, R"({"status":null})");
}

TEST_F(ApiClientTest, DeletesTheObjectThatItKnows) {
  answer(json::object());
  ASSERT_TRUE(client_.remove(kIps, {"shop", "web"}, "u1", {}));
  EXPECT_EQ(request().method, "DELETE");
  const json body = json::parse(request().body);
  EXPECT_EQ(body["preconditions"]["uid"], "u1");
  EXPECT_EQ(body["propagationPolicy"], "Background");
}

TEST_F(ApiClientTest, GivesTheServersOwnSentence) {
  answer(422, R"({"reason": "Invalid", "message": "spec.addresses[0]: not an address"})");
  const auto made = client_.create(kPools, "", json::object(), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(made.error().message, "spec.addresses[0]: not an address");
}

TEST_F(ApiClientTest, SendsTextThatIsNoUtf8WithoutThrowing) {
  answer(json::object());
  EXPECT_TRUE(client_.create(kPools, "", {{"note", "\xff\xfe"}}, {}));
}

}  // namespace
}  // namespace barevip::kube
