// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <algorithm>
#include <utility>

#include "common/base/percent.h"
#include "common/base/text_file.h"
#include "common/kube/kubeconfig_yaml.h"
#include "common/kube/pem_text.h"
#include "common/kube/proxy.h"
#include "common/kube/server_url.h"
#include "common/kube/token_file.h"

namespace barevip::kube {
namespace {

// The member `key` (a file) or `key`-data (base64), which wins as in client-go; checked here so
// that a wrong file is told at the start and not as a failing handshake.
Result<void> readPem(const KubeconfigEntry& entry, const std::string& key, Pem& pem) {
  const std::string dataKey = key + "-data";
  std::string content;
  if (const std::string data = entry.text(dataKey.c_str()); !data.empty()) {
    auto decoded = decodeBase64(data);
    if (!decoded) {
      return entry.broken(": " + dataKey + " is not base64: encode the PEM file with base64 -w0");
    }
    pem.data = *decoded;
    content = std::move(*decoded);
  } else if (const std::string file = entry.text(key.c_str()); !file.empty()) {
    pem.file = entry.resolve(file);
    auto read = readTextFile(pem.file);
    if (!read) return entry.broken(": " + key + ": " + read.error().message);
    content = std::move(*read);
  } else {
    return {};
  }
  const bool isKey = key == "client-key";
  if (isKey ? !holdsPrivateKey(content) : !holdsCertificate(content)) {
    return entry.broken(
        ": " + (pem.file.empty() ? dataKey : key + " \"" + pem.file + "\"") +
        (isKey ? " holds no private key without a passphrase" : " holds no certificate") +
        " in PEM form: check that it is the right file");
  }
  return {};
}

Result<void> readCluster(const KubeconfigEntry& cluster, TransportOptions& options) {
  const std::string server = cluster.text("server");
  if (server.empty()) return cluster.broken(" has no server: add the URL of the API server");
  auto url = parseServerUrl(server);
  if (!url) return cluster.broken(": server " + url.error().message);
  options.host = std::move(url->host);
  options.port = url->port;
  options.basePath = std::move(url->path);
  options.verifyName = cluster.text("tls-server-name");
  if (cluster.text("insecure-skip-tls-verify") == "true") {
    return cluster.broken(
        " has insecure-skip-tls-verify, which is refused: remove it and set "
        "certificate-authority");
  }
  if (const std::string proxyUrl = cluster.text("proxy-url"); !proxyUrl.empty()) {
    auto proxy = parseProxyUrl(proxyUrl);
    if (!proxy) return cluster.broken(": proxy-url " + proxy.error().message);
    options.proxy = std::move(*proxy);
  }
  if (auto ok = readPem(cluster, "certificate-authority", options.ca); !ok) return ok;
  if (options.ca.empty()) {
    return cluster.broken(" has no certificate-authority: add it, or certificate-authority-data");
  }
  return {};
}

// As in client-go, tokenFile wins over token.
Result<void> readToken(const KubeconfigEntry& user, TransportOptions& options) {
  if (const std::string file = user.text("tokenFile"); !file.empty()) {
    options.bearer = tokenFile(user.resolve(file));
    const auto token = options.bearer();
    if (!token) return user.broken(": tokenFile: " + token.error().message);
    return {};
  }
  if (std::string token = user.text("token"); !token.empty()) {
    if (!isToken(token)) {
      return user.broken(": token has spaces or control characters: copy it again, on one line");
    }
    options.bearer = [token = std::move(token)]() -> Result<std::string> { return token; };
  }
  return {};
}

Result<ExecPlugin::Interactive> readInteractive(const KubeconfigEntry& exec, bool isV1) {
  using Interactive = ExecPlugin::Interactive;
  const std::string mode = exec.text("interactiveMode");
  if (mode == "Never") return Interactive::kNever;
  if (mode == "Always") return Interactive::kAlways;
  if (mode == "IfAvailable" || (mode.empty() && !isV1)) return Interactive::kIfAvailable;
  return exec.broken(": interactiveMode is \"" + mode +
                     "\": set it to Never, IfAvailable or Always");
}

// Only describes the plugin: a kubeconfig that is read must run nothing.
Result<void> readExec(const KubeconfigEntry& exec, const KubeconfigEntry& cluster,
                      TransportOptions& options) {
  const std::string group = "client.authentication.k8s.io/";
  ExecPlugin plugin;
  plugin.apiVersion = exec.text("apiVersion");
  const bool isV1 = plugin.apiVersion == group + "v1";
  if (!isV1 && plugin.apiVersion != group + "v1beta1") {
    return exec.broken(": apiVersion is \"" + plugin.apiVersion + "\": set it to " + group +
                       "v1, and update the plugin if it does not know it");
  }
  plugin.command = exec.text("command");
  if (plugin.command.empty()) return exec.broken(" has no command: add the plugin's program");
  if (plugin.command.find('/') != std::string::npos) plugin.command = exec.resolve(plugin.command);
  plugin.arguments = exec.texts("args");
  for (const KubeconfigEntry& variable : exec.maps("env")) {
    const std::string name = variable.text("name");
    if (name.empty()) return variable.broken(" has an entry without a name: add it");
    plugin.environment.push_back(name + "=" + variable.text("value"));
  }
  plugin.installHint = exec.text("installHint");
  const auto interactive = readInteractive(exec, isV1);
  if (!interactive) return tl::make_unexpected(interactive.error());
  plugin.interactive = *interactive;
  if (exec.text("provideClusterInfo") == "true") {
    auto authority = options.ca.file.empty() ? Result<std::string>(options.ca.data)
                                             : readTextFile(options.ca.file);
    if (!authority) return tl::make_unexpected(std::move(authority.error()));
    plugin.cluster = {cluster.text("server"), options.verifyName, cluster.text("proxy-url"),
                      std::move(*authority)};
  }
  options.exec = std::move(plugin);
  return {};
}

// RFC 9110, section 5.6.2, without the percent sign: as client-go writes the key of an extra into
// the name of a header.
constexpr std::string_view kPlainInHeaderNames =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&'*+-.^_`|~";

Result<void> readImpersonation(const KubeconfigEntry& user, TransportOptions& options) {
  auto& headers = options.headers;
  const std::string name = user.text("as");
  if (!name.empty()) headers.emplace_back("Impersonate-User", name);
  if (std::string uid = user.text("as-uid"); !uid.empty()) {
    headers.emplace_back("Impersonate-Uid", std::move(uid));
  }
  for (std::string& group : user.texts("as-groups")) {
    headers.emplace_back("Impersonate-Group", std::move(group));
  }
  for (auto& [key, values] : user.textsByName("as-user-extra")) {
    for (std::string& value : values) {
      headers.emplace_back("Impersonate-Extra-" + percentEncode(key, kPlainInHeaderNames),
                           std::move(value));
    }
  }
  if (!headers.empty() && name.empty()) {
    return user.broken(" has as-uid, as-groups or as-user-extra without as: add the user's name");
  }
  for (const auto& [header, value] : headers) {
    const bool printable = std::none_of(value.begin(), value.end(), [](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    });
    if (!printable) {
      return user.broken(": the value for " + header +
                         " has control characters: write it on one line");
    }
  }
  return {};
}

Result<void> readUser(const KubeconfigEntry& user, const KubeconfigEntry& cluster,
                      TransportOptions& options) {
  if (user.has("auth-provider")) {
    return user.broken(
        " uses an auth-provider, which Kubernetes has removed: use an exec plugin in its place");
  }
  for (const char* refused : {"username", "password"}) {
    if (!user.has(refused)) continue;
    return user.broken(" has " + std::string(refused) +
                       ", which is not supported: use a client certificate or a token");
  }
  if (auto ok = readImpersonation(user, options); !ok) return ok;
  if (auto ok = readPem(user, "client-certificate", options.certificate); !ok) return ok;
  if (auto ok = readPem(user, "client-key", options.key); !ok) return ok;
  if (options.certificate.empty() != options.key.empty()) {
    return user.broken(" needs both client-certificate and client-key, or neither");
  }
  if (auto ok = readToken(user, options); !ok) return ok;
  // As in client-go, a token of the kubeconfig wins.
  if (user.has("exec") && !options.bearer) return readExec(user.map("exec"), cluster, options);
  return {};
}

Result<KubeconfigEntry> findContext(const KubeconfigFiles& files, const std::string& name) {
  if (!name.empty()) return files.find("contexts", "context", name);
  const auto current = files.currentContext();
  if (!current) return tl::make_unexpected(current.error());
  return files.find("contexts", "context", *current);
}

Result<TransportOptions> readFiles(const KubeconfigFiles& files, const std::string& name) {
  const auto context = findContext(files, name);
  if (!context) return tl::make_unexpected(context.error());
  const auto cluster = files.find("clusters", "cluster", context->text("cluster"));
  if (!cluster) return tl::make_unexpected(cluster.error());
  TransportOptions options;
  if (auto ok = readCluster(*cluster, options); !ok) {
    return tl::make_unexpected(std::move(ok.error()));
  }
  const std::string userName = context->text("user");
  if (userName.empty()) return options;
  const auto user = files.find("users", "user", userName);
  if (!user) return tl::make_unexpected(user.error());
  if (auto ok = readUser(*user, *cluster, options); !ok)
    return tl::make_unexpected(std::move(ok.error()));
  return options;
}

Result<KubeconfigFiles> readPaths(const std::vector<std::string>& paths) {
  KubeconfigFiles files;
  for (const std::string& path : paths) {
    const auto text = readTextFile(path);
    if (!text) return fail(ErrorCode::kInvalid, "kubeconfig: " + text.error().message);
    if (auto ok = files.add(*text, path); !ok) return tl::make_unexpected(std::move(ok.error()));
  }
  return files;
}

}  // namespace

Result<TransportOptions> loadKubeconfig(const std::vector<std::string>& paths,
                                        const std::string& context) {
  const auto files = readPaths(paths);
  if (!files) return tl::make_unexpected(files.error());
  return readFiles(*files, context);
}

Result<std::string> namespaceOfKubeconfig(const std::vector<std::string>& paths,
                                          const std::string& context) {
  const auto files = readPaths(paths);
  if (!files) return tl::make_unexpected(files.error());
  const auto entry = findContext(*files, context);
  if (!entry) return tl::make_unexpected(entry.error());
  std::string ns = entry->text("namespace");
  return ns.empty() ? "default" : ns;
}

Result<TransportOptions> parseKubeconfig(std::string_view text, const std::string& file) {
  KubeconfigFiles files;
  if (auto ok = files.add(text, file); !ok) return tl::make_unexpected(std::move(ok.error()));
  return readFiles(files, {});
}

}  // namespace barevip::kube
