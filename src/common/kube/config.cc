// SPDX-License-Identifier: Apache-2.0
#include "common/kube/config.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/kube/kubeconfig.h"

namespace barevip::kube {
namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

Result<std::string> TextSource::read() const {
  if (file.empty()) return data;
  std::ifstream in(file);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    return fail(ErrorCode::kInvalid,
                "cannot read " + file + ": make it a readable, non-empty file");
  }
  return text.str();
}

Result<ClusterAccess> inCluster(const std::string& folder) {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(
        ErrorCode::kInvalid,
        "this is no pod (KUBERNETES_SERVICE_HOST is not set) and no kubeconfig is given: use "
        "--kubeconfig or KUBECONFIG");
  }
  ClusterAccess access;
  access.host = host;
  const auto [end, status] = std::from_chars(port.data(), port.data() + port.size(), access.port);
  if (status != std::errc{} || end != port.data() + port.size() || access.port == 0) {
    return fail(ErrorCode::kInvalid,
                "KUBERNETES_SERVICE_PORT is \"" + port + "\": it must be a port");
  }
  access.authority.file = folder + "/ca.crt";
  access.token.file = folder + "/token";
  for (const std::string& file : {access.authority.file, access.token.file}) {
    if (!exists(file)) {
      return fail(ErrorCode::kInvalid, file +
                                           " is missing: the pod needs a service account with "
                                           "automountServiceAccountToken");
    }
  }
  access.description = "in-cluster";
  return access;
}

Result<ClusterAccess> findCluster(const std::string& kubeconfigFlag) {
  if (!kubeconfigFlag.empty()) return loadKubeconfig(kubeconfigFlag);
  const std::string listed = environment("KUBECONFIG");
  std::istringstream paths(listed);
  for (std::string path; std::getline(paths, path, ':');) {
    if (!path.empty() && exists(path)) return loadKubeconfig(path);
  }
  if (!listed.empty()) {
    return fail(ErrorCode::kInvalid,
                "KUBECONFIG names no file that exists (" + listed + "): mend it or unset it");
  }
  return inCluster();
}

}  // namespace barevip::kube
