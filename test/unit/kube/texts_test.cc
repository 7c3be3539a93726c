// SPDX-License-Identifier: Apache-2.0
#include "common/kube/texts.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace barevip::kube {
namespace {

/// Answers each request with the same, and remembers the last path.
class OneAnswer final : public Transport {
 public:
  OneAnswer(HttpResponse answer, std::string& path) : answer_(std::move(answer)), path_(path) {}

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    path_ = request.path;
    return answer_;
  }
  Result<HttpResponse> stream(const HttpRequest& request, std::stop_token stop,
                              const OnBytes&) override {
    return send(request, std::move(stop));
  }

 private:
  const HttpResponse answer_;
  std::string& path_;
};

TEST(Texts, AreWhatTheServerSent) {
  std::string path;
  TextClient texts(std::make_unique<OneAnswer>(HttpResponse{200, "a\nb\n", {}}, path));
  EXPECT_EQ(texts.read(logPath({"lb", "op-1"}, "operator", true, 10, 99), {}).value(), "a\nb\n");
  EXPECT_EQ(path,
            "/api/v1/namespaces/lb/pods/op-1/log?timestamps=true&container=operator&tailLines=10"
            "&limitBytes=99&previous=true");
}

TEST(Texts, ARefusalIsTheServersOwnSentence) {
  std::string path;
  const std::string body = R"({"kind":"Status","code":403,"reason":"Forbidden","message":"no"})";
  TextClient texts(std::make_unique<OneAnswer>(HttpResponse{403, body, {}}, path));
  const auto text = texts.read(kVersionPath, {});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kForbidden);
  EXPECT_EQ(text.error().message, "no");
}

TEST(Texts, NamesInPathsAreEncoded) {
  EXPECT_EQ(podProxyPath({"lb", "op/1"}, 8080, "/metrics"),
            "/api/v1/namespaces/lb/pods/op%2F1:8080/proxy/metrics");
}

}  // namespace
}  // namespace barevip::kube
