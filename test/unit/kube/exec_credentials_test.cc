// SPDX-License-Identifier: Apache-2.0
#include "common/kube/exec_credentials.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/kube/pem_text.h"
#include "fakes/manual_clock.h"
#include "wire/kube/pki.h"

namespace barevip::kube {
namespace {

using nlohmann::json;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""s;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

/// Answers in the plugin's place and remembers how it was started.
class FakeRunner final : public CommandRunner {
 public:
  Result<CommandOutput> run(const Command& command, std::stop_token stop) override {
    commands.push_back(command);
    if (onRun) onRun(stop);
    return answer;
  }

  Result<CommandOutput> answer = CommandOutput{};
  std::function<void(const std::stop_token&)> onRun;
  std::vector<Command> commands;
};

class ExecCredentialsTest : public ::testing::Test {
 protected:
  ExecCredentialsTest() {
    plugin_.apiVersion = kV1;
    plugin_.command = "sh";  // a program that is there
    surroundings_.environment = {"PATH=/usr/bin:/bin", "HOME=/home/me"};
    give({{"token", "first"}});
  }

  void give(const json& status) {
    runner_.answer = CommandOutput{0, credential(status).dump(), ""};
  }

  static json credential(const json& status) {
    return {{"apiVersion", kV1}, {"kind", "ExecCredential"}, {"status", status}};
  }

  ExecCredentials& source() {
    if (!source_) {
      source_ = std::make_unique<ExecCredentials>(plugin_, runner_, clock_, surroundings_);
    }
    return *source_;
  }

  std::string token() {
    const auto credential = source().current({}, {});
    return credential ? (*credential)->token : credential.error().message;
  }

  // The variable that the plugin got.
  [[nodiscard]] std::vector<std::string> variables(const std::string& name) const {
    std::vector<std::string> result;
    for (const std::string& each : runner_.commands.at(0).environment) {
      if (each.starts_with(name + "=")) result.push_back(each.substr(name.size() + 1));
    }
    return result;
  }

  FakeRunner runner_;
  ManualClock clock_;
  ExecPlugin plugin_;
  ExecCredentials::Surroundings surroundings_;
  std::unique_ptr<ExecCredentials> source_;
};

TEST_F(ExecCredentialsTest, RunsNothingBeforeACredentialIsAskedFor) {
  source();
  EXPECT_TRUE(runner_.commands.empty());
}

TEST_F(ExecCredentialsTest, StartsTheProgramWithItsArgumentsAndVariables) {
  plugin_.arguments = {"get-token", "a b"};
  plugin_.environment = {"HOME=/elsewhere", "AWS_PROFILE=lab"};
  EXPECT_EQ(token(), "first");
  const Command& command = runner_.commands.at(0);
  EXPECT_TRUE(command.program.ends_with("/sh")) << command.program;
  EXPECT_EQ(command.arguments, plugin_.arguments);
  EXPECT_EQ(variables("HOME"), std::vector<std::string>{"/elsewhere"});
  EXPECT_EQ(variables("AWS_PROFILE"), std::vector<std::string>{"lab"});
  EXPECT_EQ(variables("PATH"), std::vector<std::string>{"/usr/bin:/bin"});
  EXPECT_EQ(command.deadline, 60s);
  EXPECT_EQ(command.outputLimit, 1U << 20U);
  EXPECT_TRUE(command.showErrors);
  EXPECT_FALSE(command.interactive);
}

TEST_F(ExecCredentialsTest, TellsTheProgramTheVersionAndTheCluster) {
  plugin_.cluster = {"https://192.0.2.1:6443/k8s", "kubernetes", "http://p:1", "PEM"};
  surroundings_.environment.emplace_back("KUBERNETES_EXEC_INFO=of a parent");
  EXPECT_EQ(token(), "first");
  ASSERT_EQ(variables("KUBERNETES_EXEC_INFO").size(), 1U);
  EXPECT_EQ(json::parse(variables("KUBERNETES_EXEC_INFO")[0]),
            json({{"apiVersion", kV1},
                  {"kind", "ExecCredential"},
                  {"spec",
                   {{"interactive", false},
                    {"cluster",
                     {{"server", "https://192.0.2.1:6443/k8s"},
                      {"tls-server-name", "kubernetes"},
                      {"proxy-url", "http://p:1"},
                      {"certificate-authority-data", encodeBase64("PEM")}}}}}}));
}

TEST_F(ExecCredentialsTest, IsInteractiveOnlyWithATerminalAndIfThePluginWants) {
  using Interactive = ExecPlugin::Interactive;
  for (const auto& [mode, terminal, interactive] :
       {std::tuple{Interactive::kNever, true, false},
        std::tuple{Interactive::kIfAvailable, false, false},
        std::tuple{Interactive::kIfAvailable, true, true},
        std::tuple{Interactive::kAlways, true, true}}) {
    plugin_.interactive = mode;
    surroundings_.terminal = terminal;
    source_.reset();
    runner_.commands.clear();
    EXPECT_EQ(token(), "first");
    EXPECT_EQ(runner_.commands.at(0).interactive, interactive);
    EXPECT_EQ(json::parse(variables("KUBERNETES_EXEC_INFO").at(0))["spec"]["interactive"],
              interactive);
  }
}

TEST_F(ExecCredentialsTest, KeepsACredentialUntilItExpires) {
  give({{"token", "first"}, {"expirationTimestamp", "2030-01-01T01:00:00Z"}});
  EXPECT_EQ(token(), "first");
  give({{"token", "second"}});
  clock_.advance(3600s);
  EXPECT_EQ(token(), "first");
  clock_.advance(1s);
  EXPECT_EQ(token(), "second");
  clock_.advance(24h * 365);
  EXPECT_EQ(token(), "second") << "without a timestamp it does not expire";
  EXPECT_EQ(runner_.commands.size(), 2U);
}

TEST_F(ExecCredentialsTest, GetsAnotherOnceTheServerRefusesTheOneInUse) {
  const auto first = source().current({}, {});
  ASSERT_TRUE(first) << first.error().message;
  give({{"token", "second"}});
  source().refuse(*first);
  EXPECT_EQ(token(), "second");
  source().refuse(*first);  // of a request that began before
  EXPECT_EQ(token(), "second");
  EXPECT_EQ(runner_.commands.size(), 2U);
}

TEST_F(ExecCredentialsTest, RunsOnceForRequestsAtTheSameTime) {
  std::latch running(1);
  std::promise<void> mayEnd;
  runner_.onRun = [&](const std::stop_token&) {
    running.count_down();
    mayEnd.get_future().wait();
  };
  auto one = std::async(std::launch::async, [&] { return token(); });
  running.wait();
  auto two = std::async(std::launch::async, [&] { return token(); });
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = source().current(stop.get_token(), {});
  ASSERT_FALSE(stopped) << "a stop does not wait for the program of another request";
  EXPECT_EQ(stopped.error().code, ErrorCode::kStopped);
  mayEnd.set_value();
  EXPECT_EQ(one.get(), "first");
  EXPECT_EQ(two.get(), "first");
  EXPECT_EQ(runner_.commands.size(), 1U);
}

TEST_F(ExecCredentialsTest, ARequestWithoutTimeGoesWithoutAndTheNextOneGetsWhatCame) {
  std::promise<void> mayEnd;
  runner_.onRun = [&](const std::stop_token&) { mayEnd.get_future().wait(); };
  const auto late = source().current({}, 0s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
  EXPECT_NE(late.error().message.find("the credential plugin \"sh\""), std::string::npos);
  mayEnd.set_value();
  EXPECT_EQ(token(), "first");
  EXPECT_EQ(runner_.commands.size(), 1U) << "it was left to end";
}

TEST_F(ExecCredentialsTest, APluginThatHangsEndsWithTheProcess) {
  std::latch running(1);
  runner_.onRun = [&](const std::stop_token& stop) {
    running.count_down();
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait(lock, stop, [] { return false; });
  };
  EXPECT_FALSE(source().current({}, 0s));
  running.wait();
  source_.reset();
  EXPECT_EQ(runner_.commands.size(), 1U);
}

TEST_F(ExecCredentialsTest, TriesAgainAfterAFailure) {
  runner_.answer = CommandOutput{1, "", "no network\n"};
  EXPECT_NE(token().find("no network"), std::string::npos);
  give({{"token", "first"}});
  EXPECT_EQ(token(), "first");
}

TEST_F(ExecCredentialsTest, GivesACertificateWithItsKey) {
  const wire::Identity identity = wire::Authority("CA").issue("me", {});
  give({{"clientCertificateData", identity.certificate}, {"clientKeyData", identity.key}});
  const auto credential = source().current({}, {});
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ((*credential)->certificate, identity.certificate);
  EXPECT_EQ((*credential)->key, identity.key);
  EXPECT_EQ((*credential)->token, "");
}

TEST_F(ExecCredentialsTest, SaysInOneSentenceWhyThereIsNone) {
  const wire::Identity identity = wire::Authority("CA").issue("me", {});
  const auto written = [](const json& answer) {
    return Result<CommandOutput>(CommandOutput{0, answer.dump(), ""});
  };
  json old = credential({{"token", "t"}});
  old["apiVersion"] = "client.authentication.k8s.io/v1beta1";
  struct Case {
    Result<CommandOutput> answer;
    std::string says;
  };
  const std::vector<Case> cases{
      {CommandOutput{3, "", "line 1\nexpired login\n"},
       "ended with status 3: line 1 expired login"},
      {CommandOutput{3, "", ""}, "ended with status 3: it did not say why"},
      {CommandOutput{3, "", std::string(5000, 'x') + "the end"}, "xthe end"},
      {fail(ErrorCode::kTimeout, "sh did not end"), "did not end within 60 s and was killed"},
      {fail(ErrorCode::kInternal, "sh wrote more than 1 byte"), "wrote more than"},
      {CommandOutput{0, "", ""}, "did not write an ExecCredential to stdout"},
      {CommandOutput{0, "\xff{", ""}, "did not write an ExecCredential to stdout"},
      {CommandOutput{0, "[1]", ""}, "did not write an ExecCredential to stdout"},
      {written({{"kind", "Status"}}), "did not write an ExecCredential to stdout"},
      {written(old), "answered in API version \"client.authentication.k8s.io/v1beta1\""},
      {written({{"apiVersion", kV1}, {"kind", "ExecCredential"}}), "neither a token nor a cert"},
      {written(credential({{"token", 7}})), "neither a token nor a certificate"},
      {written(credential({{"token", "a\r\nX-Evil: b"}})), "control characters"},
      {written(credential({{"clientKeyData", identity.key}})), "pair of certificate and key"},
      {written(credential({{"token", "t"}, {"clientCertificateData", identity.certificate}})),
       "pair of certificate and key"},
      {written(credential({{"clientCertificateData", "x"}, {"clientKeyData", "y"}})),
       "pair of certificate and key"},
      {written(credential({{"token", "t"}, {"expirationTimestamp", "soon"}})),
       "expirationTimestamp"},
  };
  for (const Case& each : cases) {
    runner_.answer = each.answer;
    const auto got = source().current({}, {});
    ASSERT_FALSE(got) << each.says;
    EXPECT_EQ(got.error().code, ErrorCode::kForbidden) << each.says;
    const std::string& message = got.error().message;
    EXPECT_EQ(message.find("the credential plugin \"sh\" "), 0U) << message;
    EXPECT_NE(message.find(each.says), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 1200U) << message;
  }
}

TEST_F(ExecCredentialsTest, AStopIsNotAFailureOfThePlugin) {
  runner_.answer = fail(ErrorCode::kStopped, "stopped");
  EXPECT_EQ(source().current({}, {}).error().code, ErrorCode::kStopped);
}

TEST_F(ExecCredentialsTest, GivesTheInstallHintIfTheProgramIsMissing) {
  plugin_.installHint = "see https://example.org/install";
  for (const std::string command : {"no-such-plugin", "/nowhere/plugin"}) {
    plugin_.command = command;
    source_.reset();
    const std::string message = token();
    EXPECT_NE(message.find("\"" + command + "\""), std::string::npos) << message;
    EXPECT_NE(message.find(plugin_.installHint), std::string::npos) << message;
  }
  surroundings_.environment = {"PATH=/nowhere"};
  plugin_.command = "sh";
  source_.reset();
  EXPECT_NE(token().find("PATH"), std::string::npos) << "PATH is that of this process";
  EXPECT_TRUE(runner_.commands.empty());
}

TEST_F(ExecCredentialsTest, RefusesAPluginThatMustAskWithoutATerminal) {
  plugin_.interactive = ExecPlugin::Interactive::kAlways;
  EXPECT_NE(token().find("stdin is not a terminal"), std::string::npos);
  EXPECT_TRUE(runner_.commands.empty());
}

}  // namespace
}  // namespace barevip::kube
