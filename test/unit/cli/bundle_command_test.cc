// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle_command.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::cli {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

/// Answers by path; what it does not know is forbidden.
class ScriptedTexts final : public kube::Texts {
 public:
  std::map<std::string, Result<std::string>> answers;
  std::vector<std::string> asked;

  Result<std::string> read(const std::string& path, std::stop_token) override {
    asked.push_back(path);
    for (const auto& [part, answer] : answers) {
      if (path.find(part) != std::string::npos) return answer;
    }
    return fail(ErrorCode::kForbidden, path + " is forbidden", 403);
  }
};

/// The files of an archive, by their names.
std::map<std::string, std::string> unpacked(const std::string& file) {
  std::map<std::string, std::string> files;
  archive* const reader = archive_read_new();
  archive_read_support_format_tar(reader);
  archive_read_support_filter_gzip(reader);
  EXPECT_EQ(archive_read_open_filename(reader, file.c_str(), 10240), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    EXPECT_EQ(archive_read_data(reader, text.data(), text.size()),
              static_cast<la_ssize_t>(text.size()));
    files[archive_entry_pathname(entry)] = text;
  }
  archive_read_free(reader);
  return files;
}

class ABundle : public testing::Test {
 protected:
  ABundle() {
    folder_ = testing::TempDir() + "/bundle-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    texts_.answers = {{"/version", std::string(R"({"gitVersion": "v1.36.0"})")},
                      {"container=operator", std::string("log: Bearer abcdefghijklmnop\n")},
                      {"&previous=true", std::string("the one before\n")},
                      {"container=init", std::string("")},
                      {":8080/proxy/metrics", std::string("barevip_leader 1\n")}};
    putOperator("lb");
    putPod("lb", "op-1", "ReplicaSet", "barevip-operator-5d4f");
    putService("web", "LoadBalancer");
    putService("plain", "ClusterIP");
  }
  ~ABundle() override { std::filesystem::remove_all(folder_); }

  void putOperator(const std::string& ns) {
    api_.put(kube::kDeployments, {{"metadata",
                                   {{"name", "barevip-operator"},
                                    {"namespace", ns},
                                    {"labels", {{"app.kubernetes.io/part-of", "barevip"}}}}},
                                  {"spec", json::object()}});
  }

  void putPod(const std::string& ns, const std::string& name, const std::string& ownerKind,
              const std::string& owner) {
    json pod = json::parse(R"({
      "metadata": {"labels": {"app.kubernetes.io/part-of": "barevip"}},
      "spec": {"initContainers": [{"name": "init"}],
               "containers": [{"name": "operator", "env": [{"name": "X", "value": "s3cr3t"}],
                               "ports": [{"name": "metrics", "containerPort": 8080}]}]},
      "status": {"containerStatuses": [{"name": "operator", "restartCount": 2}],
                 "initContainerStatuses": [{"name": "init", "restartCount": 0}]}})");
    pod["metadata"]["name"] = name;
    pod["metadata"]["namespace"] = ns;
    pod["metadata"]["ownerReferences"] = json::array(
        {{{"apiVersion", "apps/v1"}, {"kind", ownerKind}, {"name", owner}, {"uid", owner}}});
    api_.put(kube::kPods, pod);
  }

  void putService(const std::string& name, const std::string& type) {
    api_.put(kube::kServices, {{"metadata",
                                {{"name", name},
                                 {"namespace", "shop"},
                                 {"annotations", {{"example.com/key", "s3cr3t"}}}}},
                               {"spec", {{"type", type}}}});
    api_.put(kube::kEndpointSlices, {{"metadata",
                                      {{"name", name + "-x"},
                                       {"namespace", "shop"},
                                       {"labels", {{"kubernetes.io/service-name", name}}}}},
                                     {"addressType", "IPv4"},
                                     {"endpoints", json::array()}});
  }

  int write() { return runBundle({{}, file()}, api_, texts_, clock_, {out_, messages_}, {}); }

  [[nodiscard]] std::string file() const { return folder_ + "/b.tar.gz"; }

  std::map<std::string, std::string> files() { return unpacked(file()); }

  static std::vector<std::string> namesIn(const std::string& list) {
    std::vector<std::string> names;
    const json parsed = json::parse(list);
    for (const json& each : parsed.at("items")) {
      names.push_back(each.at("metadata").at("name"));
    }
    return names;
  }

  std::string folder_;
  kube::FakeApi api_;
  ScriptedTexts texts_;
  ManualClock clock_;
  std::ostringstream out_;
  std::ostringstream messages_;
};

TEST_F(ABundle, HasObjectsLogsMetricsAndTheStatus) {
  EXPECT_EQ(write(), kAllWell) << messages_.str();
  std::set<std::string> names;
  for (const auto& [path, text] : files()) names.insert(path.substr(path.find('/') + 1));
  EXPECT_EQ(names, (std::set<std::string>{"manifest.txt",
                                          "kubernetes-version.json",
                                          "deployments.json",
                                          "daemonsets.json",
                                          "pods.json",
                                          "pools.json",
                                          "ips.json",
                                          "services.json",
                                          "endpointslices.json",
                                          "nodes.json",
                                          "leases.json",
                                          "events.json",
                                          "policies.json",
                                          "policy-bindings.json",
                                          "definitions.json",
                                          "status.json",
                                          "metrics/lb/op-1.txt",
                                          "logs/lb/op-1/init.log",
                                          "logs/lb/op-1/operator.log",
                                          "logs/lb/op-1/operator.previous.log"}));
  EXPECT_THAT(out_.str(), HasSubstr(file() + " has 20 files"));
}

TEST_F(ABundle, HasTheServicesOfTypeLoadBalancerAndWhatServesThem) {
  ASSERT_EQ(write(), kAllWell);
  EXPECT_THAT(namesIn(files()["barevip-support/services.json"]), testing::ElementsAre("web"));
  EXPECT_THAT(namesIn(files()["barevip-support/endpointslices.json"]),
              testing::ElementsAre("web-x"));
}

TEST_F(ABundle, NeverAsksForSecretsOrConfigMapsAndHasNoCredential) {
  std::set<std::string> asked;
  api_.setInterceptor([&](auto, const kube::Resource& resource, const auto&) {
    asked.emplace(resource.plural);
    return std::optional<Error>();
  });
  ASSERT_EQ(write(), kAllWell);
  EXPECT_THAT(asked, Not(Contains("secrets")));
  EXPECT_THAT(asked, Not(Contains("configmaps")));
  for (const auto& [path, text] : files()) {
    EXPECT_THAT(text, Not(HasSubstr("s3cr3t"))) << path;
    EXPECT_THAT(text, Not(HasSubstr("abcdefghijklmnop"))) << path;
  }
}

TEST_F(ABundle, NamesWhatItMayNotReadAndGoesOn) {
  api_.setInterceptor([](auto, const kube::Resource& resource, const auto&) {
    return resource == kube::kNodes
               ? std::optional(Error{ErrorCode::kForbidden, "nodes is forbidden", 403, {}})
               : std::nullopt;
  });
  texts_.answers.erase("/version");
  texts_.answers.erase(":8080/proxy/metrics");
  EXPECT_EQ(write(), kProblems);
  const std::string manifest = files()["barevip-support/manifest.txt"];
  for (const char* const line :
       {"  nodes.json: nodes is forbidden\n", "  status.json: nodes is forbidden\n",
        "  kubernetes-version.json: /version is forbidden\n", "  metrics/lb/op-1.txt: /api/v1/"}) {
    EXPECT_THAT(manifest, HasSubstr(line));
  }
  EXPECT_THAT(manifest, HasSubstr("  logs/lb/op-1/operator.log "));
  EXPECT_THAT(messages_.str(), HasSubstr("note: nodes.json is missing: nodes is forbidden\n"));
}

TEST_F(ABundle, OfAnApiServerThatDoesNotAnswerIsNoFile) {
  texts_.answers["/version"] = fail(ErrorCode::kUnavailable, "no connection");
  EXPECT_EQ(write(), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("error: no connection\n"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ABundle, ThatIsInterruptedLeavesNoFile) {
  std::stop_source source;
  api_.setInterceptor([&](auto, const kube::Resource& resource, const auto&) {
    if (resource == kube::kNodes) source.request_stop();
    return std::optional<Error>();
  });
  EXPECT_EQ(runBundle({{}, file()}, api_, texts_, clock_, {out_, messages_}, source.get_token()),
            kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("error: interrupted"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ABundle, HasLogsOfThePodsOfBarevipAlone) {
  putPod("lb", "other", "ReplicaSet", "shop-5d4f");
  putPod("shop", "op-2", "ReplicaSet", "barevip-operator-5d4f");
  ASSERT_EQ(write(), kAllWell) << messages_.str();
  EXPECT_THAT(namesIn(files()["barevip-support/pods.json"]), testing::ElementsAre("op-1"));
  for (const std::string& path : texts_.asked) {
    EXPECT_THAT(path, Not(HasSubstr("/other/")));
    EXPECT_THAT(path, Not(HasSubstr("/op-2/")));
  }
}

TEST_F(ABundle, KeepsPodsOfOneNameInTwoNamespacesApart) {
  putOperator("lb2");
  putPod("lb2", "op-1", "ReplicaSet", "barevip-operator-5d4f");
  ASSERT_EQ(write(), kAllWell) << messages_.str();
  const auto all = files();
  EXPECT_TRUE(all.contains("barevip-support/logs/lb/op-1/operator.log"));
  EXPECT_TRUE(all.contains("barevip-support/logs/lb2/op-1/operator.log"));
}

TEST_F(ABundle, RedactsTheVersionOfTheServer) {
  texts_.answers["/version"] = std::string("{\"token\": \"abcdefghijklmnop\"}");
  ASSERT_EQ(write(), kAllWell);
  EXPECT_THAT(files()["barevip-support/kubernetes-version.json"],
              Not(HasSubstr("abcdefghijklmnop")));
}

TEST_F(ABundle, ThatCannotBeWrittenEndsWithTwo) {
  EXPECT_EQ(
      runBundle({{}, folder_ + "/none/b.tar.gz"}, api_, texts_, clock_, {out_, messages_}, {}),
      kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("error: cannot write "));
}

TEST_F(ABundle, MayBeReadByItsUserAlone) {
  ASSERT_EQ(write(), kAllWell);
  struct stat found {};
  ASSERT_EQ(::stat(file().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(file() + ".part"));
}

TEST_F(ABundle, SaysWhereTheRestOfTheTruthIs) {
  ASSERT_EQ(write(), kAllWell);
  const std::string manifest = files()["barevip-support/manifest.txt"];
  EXPECT_THAT(manifest, HasSubstr("made 2030-01-01T00:00:00Z by kubectl-barevip "));
  EXPECT_THAT(manifest, HasSubstr("kubectl exec -n lb POD -- barevip-node --dump"));
  EXPECT_THAT(manifest, HasSubstr("  nothing is missing\n"));
}

}  // namespace
}  // namespace barevip::cli
