// SPDX-License-Identifier: Apache-2.0
#include "common/kube/exec_credentials.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/rfc3339.h"
#include "common/kube/pem_text.h"
#include "common/kube/token_file.h"
#include "common/model/meta_json.h"

namespace barevip::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kDeadline{60'000};
constexpr milliseconds kInteractiveDeadline{300'000};
constexpr std::size_t kOutputLimit = std::size_t{1} << 20U;
constexpr std::size_t kTailLimit = 1000;

std::string execInfo(const ExecPlugin& plugin, bool interactive) {
  json spec = {{"interactive", interactive}};
  if (plugin.cluster) {
    json& cluster = spec["cluster"] = {{"server", plugin.cluster->server}};
    if (!plugin.cluster->tlsServerName.empty()) {
      cluster["tls-server-name"] = plugin.cluster->tlsServerName;
    }
    if (!plugin.cluster->proxyUrl.empty()) cluster["proxy-url"] = plugin.cluster->proxyUrl;
    cluster["certificate-authority-data"] = encodeBase64(plugin.cluster->authority);
  }
  return json{
      {"apiVersion", plugin.apiVersion}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

// Of a variable that is set twice a program would see the first one: the last one must win.
std::vector<std::string> merge(const std::vector<std::string>& ours,
                               const std::vector<std::string>& more) {
  std::map<std::string, std::string> byName;
  for (const auto* list : {&ours, &more}) {
    for (const std::string& each : *list) byName[each.substr(0, each.find('='))] = each;
  }
  std::vector<std::string> result;
  result.reserve(byName.size());
  for (auto& [name, each] : byName) result.push_back(std::move(each));
  return result;
}

std::string valueOf(const std::vector<std::string>& environment, const std::string& name) {
  for (const std::string& each : environment) {
    if (each.starts_with(name + "=")) return each.substr(name.size() + 1);
  }
  return {};
}

// The last words of a program, on one line.
std::string tail(std::string words) {
  while (!words.empty() && (words.back() == '\n' || words.back() == '\r')) words.pop_back();
  if (words.size() > kTailLimit) words.erase(0, words.size() - kTailLimit);
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return words.empty() ? "it did not say why" : words;
}

}  // namespace

ExecCredentials::ExecCredentials(ExecPlugin plugin, CommandRunner& runner, const Clock& clock,
                                 Surroundings surroundings)
    : plugin_(std::move(plugin)),
      runner_(runner),
      clock_(clock),
      surroundings_(std::move(surroundings)) {}

Result<std::shared_ptr<const Credential>> ExecCredentials::current(
    std::stop_token stop, std::optional<milliseconds> patience) {
  std::unique_lock lock(mutex_);
  if (!run_) {
    const bool valid = cached_.credential && !(cached_.end && clock_.wallNow() > *cached_.end);
    if (valid) return cached_.credential;
    begin();
  }
  const std::shared_ptr<Run> run = run_;
  const auto over = [&run] { return run->result.has_value(); };
  const bool ended = patience ? clock_.waitUntil(lock, wake_, stop, clock_.now() + *patience, over)
                              : wake_.wait(lock, stop, over);
  if (ended) return *run->result;
  if (stop.stop_requested()) return fail(ErrorCode::kStopped, "stopped");
  return fail(ErrorCode::kTimeout, "the credential plugin \"" + plugin_.command +
                                       "\" takes longer than the request may take");
}

// With the lock held; the thread before has let go of it for the last time.
void ExecCredentials::begin() {
  auto run = std::make_shared<Run>();
  thread_ = std::jthread([this, run](const std::stop_token& stop) {
    auto fresh = this->run(stop);
    const std::lock_guard lock(mutex_);
    if (fresh) {
      cached_ = std::move(*fresh);
      run->result = cached_.credential;
    } else {
      run->result = tl::make_unexpected(std::move(fresh.error()));
    }
    run_.reset();
    wake_.notify_all();
  });
  run_ = std::move(run);  // last: without a thread there is no run to wait for
}

void ExecCredentials::refuse(const std::shared_ptr<const Credential>& credential) {
  const std::lock_guard lock(mutex_);
  // Another request may have got a new one meanwhile.
  if (cached_.credential == credential) cached_ = {};
}

Result<Command> ExecCredentials::command() const {
  using Interactive = ExecPlugin::Interactive;
  if (plugin_.interactive == Interactive::kAlways && !surroundings_.terminal) {
    return failed(
        "has interactiveMode Always, and stdin is not a terminal: run this program in a terminal, "
        "or log in by a plugin that needs none");
  }
  Command command;
  command.program = findProgram(plugin_.command, valueOf(surroundings_.environment, "PATH"));
  if (command.program.empty()) {
    const bool isPath = plugin_.command.find('/') != std::string::npos;
    return failed("is not an executable file" + std::string(isPath ? "" : " in a folder of PATH") +
                  ": " +
                  (plugin_.installHint.empty() ? "install it, or correct exec.command"
                                               : plugin_.installHint));
  }
  command.arguments = plugin_.arguments;
  command.interactive = plugin_.interactive != Interactive::kNever && surroundings_.terminal;
  command.deadline = command.interactive ? kInteractiveDeadline : kDeadline;
  command.outputLimit = kOutputLimit;
  command.showErrors = true;
  command.environment = merge(surroundings_.environment, plugin_.environment);
  command.environment = merge(command.environment,
                              {"KUBERNETES_EXEC_INFO=" + execInfo(plugin_, command.interactive)});
  return command;
}

Result<ExecCredentials::Cached> ExecCredentials::run(const std::stop_token& stop) const {
  const auto made = command();
  if (!made) return tl::make_unexpected(made.error());
  const auto output = runner_.run(*made, stop);
  if (!output) {
    const Error& error = output.error();
    if (error.code == ErrorCode::kStopped) return tl::make_unexpected(error);
    if (error.code == ErrorCode::kTimeout) {
      return failed("did not end within " + std::to_string(made->deadline.count() / 1000) +
                    " s and was killed: run it by hand to see what it waits for");
    }
    // Its arguments may hold secrets, and the general sentence quotes them.
    if (error.code == ErrorCode::kInternal) {
      return failed("wrote more than " + std::to_string(made->outputLimit) +
                    " bytes and was killed: run it by hand to see what it writes");
    }
    return failed("cannot be used: " + error.message);
  }
  if (output->status != 0) {
    return failed("ended with status " + std::to_string(output->status) + ": " +
                  tail(output->errors));
  }
  return read(output->output);
}

Result<ExecCredentials::Cached> ExecCredentials::read(const std::string& output) const {
  const json answer = json::parse(output, nullptr, false);
  if (model::stringAt(answer, "kind") != "ExecCredential") {
    return failed(
        "did not write an ExecCredential to stdout: run it by hand to see what it writes");
  }
  if (const std::string version = model::stringAt(answer, "apiVersion");
      version != plugin_.apiVersion) {
    return failed("answered in API version \"" + version +
                  "\": set exec.apiVersion to it, or update the plugin");
  }
  const json& status = model::memberOf(answer, "status");
  auto credential = std::make_shared<Credential>();
  credential->token = model::stringAt(status, "token");
  credential->certificate = model::stringAt(status, "clientCertificateData");
  credential->key = model::stringAt(status, "clientKeyData");
  if (credential->token.empty() && credential->certificate.empty() && credential->key.empty()) {
    return failed("gave neither a token nor a certificate: log in with it again");
  }
  if (!credential->token.empty() && !isToken(credential->token)) {
    return failed("gave a token with spaces or control characters: update the plugin");
  }
  const bool isPair = holdsCertificate(credential->certificate) && holdsPrivateKey(credential->key);
  if (!isPair && !(credential->certificate.empty() && credential->key.empty())) {
    return failed(
        "gave no pair of certificate and key in PEM form in clientCertificateData and "
        "clientKeyData: update the plugin");
  }
  Cached cached{std::move(credential), std::nullopt};
  if (const std::string end = model::stringAt(status, "expirationTimestamp"); !end.empty()) {
    auto time = parseRfc3339(end);
    if (!time)
      return failed("gave an expirationTimestamp that is not a time: " + time.error().message);
    cached.end = *time;
  }
  return cached;
}

tl::unexpected<Error> ExecCredentials::failed(const std::string& rest) const {
  return fail(ErrorCode::kForbidden, "the credential plugin \"" + plugin_.command + "\" " + rest);
}

std::unique_ptr<CredentialSource> systemExecCredentials(ExecPlugin plugin) {
  static SystemCommandRunner runner;
  static const SystemClock kClock;
  ExecCredentials::Surroundings surroundings;
  for (char** each = environ; *each != nullptr; ++each)
    surroundings.environment.emplace_back(*each);
  surroundings.terminal = ::isatty(STDIN_FILENO) == 1;
  return std::make_unique<ExecCredentials>(std::move(plugin), runner, kClock,
                                           std::move(surroundings));
}

}  // namespace barevip::kube
