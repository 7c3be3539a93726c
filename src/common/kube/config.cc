// SPDX-License-Identifier: Apache-2.0
#include "common/kube/config.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "barevip/base/log.h"

#include "common/base/text_file.h"
#include "common/kube/kubeconfig.h"
#include "common/kube/proxy.h"
#include "common/kube/token_file.h"

namespace barevip::kube {
namespace {

// A file that cannot be looked at counts as there: reading it then says why.
bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) || error;
}

std::vector<std::string> existingFiles(const std::string& list) {
  std::vector<std::string> result;
  std::istringstream in(list);
  for (std::string path; std::getline(in, path, ':');) {
    if (!path.empty() && exists(path)) result.push_back(path);
  }
  return result;
}

Result<TransportOptions> inCluster(const ConfigSource& source, const std::string& host) {
  TransportOptions options;
  options.host = host;
  if (host.starts_with('[') && host.ends_with(']')) options.host = host.substr(1, host.size() - 2);
  const std::string port = source.environment("KUBERNETES_SERVICE_PORT").value_or("443");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.port);
  if (error != std::errc() || end != port.data() + port.size() || options.port == 0) {
    return fail(ErrorCode::kInvalid,
                "KUBERNETES_SERVICE_PORT is \"" + port + "\": it must be a port, e.g. 443");
  }
  options.ca.file = source.serviceAccountFolder + "/ca.crt";
  const std::string token = source.serviceAccountFolder + "/token";
  for (const std::string& file : {options.ca.file, token}) {
    if (exists(file)) continue;
    return fail(ErrorCode::kInvalid,
                "KUBERNETES_SERVICE_HOST is set but \"" + file +
                    "\" is missing: give the pod a service account with a mounted token "
                    "(automountServiceAccountToken)");
  }
  options.bearer = tokenFile(token);
  return options;
}

// Files to be merged; none: the pod's service account.
Result<std::vector<std::string>> findFiles(const ConfigSource& source) {
  using Files = std::vector<std::string>;
  if (!source.kubeconfigFlag.empty()) return Files{source.kubeconfigFlag};
  if (const auto list = source.environment("KUBECONFIG")) {
    Files files = existingFiles(*list);
    if (!files.empty()) return files;
    return fail(ErrorCode::kInvalid,
                "KUBECONFIG is \"" + *list + "\" but no such file exists: correct it or unset it");
  }
  if (source.environment("KUBERNETES_SERVICE_HOST")) return Files{};
  if (const auto home = source.environment("HOME")) {
    const std::string path = *home + "/.kube/config";
    if (exists(path)) return Files{path};
  }
  return fail(ErrorCode::kInvalid,
              "no API server is known: run inside a pod, or name a kubeconfig with --kubeconfig or "
              "KUBECONFIG");
}

Result<TransportOptions> findServer(const ConfigSource& source) {
  const auto files = findFiles(source);
  if (!files) return tl::make_unexpected(files.error());
  if (!files->empty()) return loadKubeconfig(*files, source.context);
  return inCluster(source, *source.environment("KUBERNETES_SERVICE_HOST"));
}

}  // namespace

ConfigSource processConfigSource(std::string kubeconfigFlag) {
  ConfigSource source;
  source.kubeconfigFlag = std::move(kubeconfigFlag);
  source.environment = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  };
  return source;
}

Result<TransportOptions> loadConfig(const ConfigSource& source) {
  auto options = findServer(source);
  if (!options || options->proxy) return options;
  auto proxy = proxyFromEnvironment(source.environment, options->host, options->port);
  if (proxy) {
    options->proxy = std::move(*proxy);
  } else {
    // The variable is often meant for other programs.
    log::warn("connecting without the proxy of the environment",
              {{"reason", proxy.error().message}});
  }
  return options;
}

Result<std::string> loadNamespace(const ConfigSource& source) {
  const auto files = findFiles(source);
  if (!files) return tl::make_unexpected(files.error());
  if (!files->empty()) return namespaceOfKubeconfig(*files, source.context);
  return readTextFile(source.serviceAccountFolder + "/namespace");
}

}  // namespace barevip::kube
