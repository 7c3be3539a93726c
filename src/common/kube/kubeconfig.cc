// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <filesystem>
#include <vector>

namespace barevip::kube {
namespace {

constexpr std::size_t kMaxSize = std::size_t{1} << 20U;

tl::unexpected<Error> broken(const std::string& path, const std::string& what) {
  return fail(ErrorCode::kInvalid, "kubeconfig " + path + ": " + what);
}

std::string text(const YAML::Node& map, const char* key) {
  if (!map.IsMap()) return {};
  const YAML::Node value = map[key];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

// The entry `name` of a list such as clusters: [{name: ..., cluster: {...}}].
YAML::Node named(const YAML::Node& root, const char* list, const std::string& name,
                 const char* member) {
  const YAML::Node entries = root[list];
  if (entries && entries.IsSequence()) {
    for (const YAML::Node& entry : entries) {
      if (entry.IsMap() && text(entry, "name") == name && entry[member]) return entry[member];
    }
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

Result<std::string> decodeBase64(const std::string& encoded) {
  std::string clean;
  for (const char c : encoded) {
    if (c != '\n' && c != '\r' && c != ' ') clean += c;
  }
  if (clean.empty() || clean.size() % 4 != 0) return fail(ErrorCode::kInvalid, "is not base64");
  std::string decoded(clean.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                                   reinterpret_cast<const unsigned char*>(clean.data()),
                                   static_cast<int>(clean.size()));
  if (size < 0) return fail(ErrorCode::kInvalid, "is not base64");
  // EVP_DecodeBlock counts the padding as zero bytes.
  std::size_t padding = 0;
  while (padding < 2 && clean[clean.size() - 1 - padding] == '=') ++padding;
  decoded.resize(static_cast<std::size_t>(size) - padding);
  return decoded;
}

// `key` names a file, `key-data` holds the same in base64 and wins (client-go does so, too).
Result<TextSource> source(const YAML::Node& map, const std::string& key, const std::string& path) {
  TextSource result;
  if (const std::string data = text(map, (key + "-data").c_str()); !data.empty()) {
    auto decoded = decodeBase64(data);
    if (!decoded) return broken(path, key + "-data " + decoded.error().message);
    result.data = std::move(*decoded);
  } else if (const std::string file = text(map, key.c_str()); !file.empty()) {
    result.file = (std::filesystem::path(path).parent_path() / file).string();
    if (!std::filesystem::is_regular_file(result.file)) {
      return broken(path, key + " names " + result.file + ", which is no file");
    }
  }
  return result;
}

Result<void> readCluster(const YAML::Node& cluster, const std::string& path,
                         ClusterAccess& access) {
  const std::string server = text(cluster, "server");
  if (server.empty()) return broken(path, "the cluster has no server: write https://host:port");
  if (const auto parsed = parseServer(server, access); !parsed) {
    return broken(path, parsed.error().message);
  }
  if (text(cluster, "insecure-skip-tls-verify") == "true") {
    return broken(path, "insecure-skip-tls-verify is not supported: give certificate-authority");
  }
  if (!text(cluster, "proxy-url").empty()) return broken(path, "proxy-url is not supported");
  auto authority = source(cluster, "certificate-authority", path);
  if (!authority) return tl::make_unexpected(authority.error());
  if (authority->empty()) {
    return broken(path, "the cluster has no certificate-authority or certificate-authority-data");
  }
  access.authority = std::move(*authority);
  access.serverName = text(cluster, "tls-server-name");
  return {};
}

Result<void> readUser(const YAML::Node& user, const std::string& path, ClusterAccess& access) {
  for (const char* key : {"exec", "auth-provider"}) {
    if (user.IsMap() && user[key]) {
      return broken(path, std::string(key) +
                              " plugins are not supported: use a client certificate, "
                              "a token or a service account");
    }
  }
  auto certificate = source(user, "client-certificate", path);
  if (!certificate) return tl::make_unexpected(certificate.error());
  auto key = source(user, "client-key", path);
  if (!key) return tl::make_unexpected(key.error());
  if (certificate->empty() != key->empty()) {
    return broken(path, "client-certificate and client-key must be given together");
  }
  access.certificate = std::move(*certificate);
  access.key = std::move(*key);
  if (const std::string file = text(user, "tokenFile"); !file.empty()) {
    access.token.file = (std::filesystem::path(path).parent_path() / file).string();
    if (!std::filesystem::is_regular_file(access.token.file)) {
      return broken(path, "tokenFile names " + access.token.file + ", which is no file");
    }
  } else {
    access.token.data = text(user, "token");
  }
  return {};
}

Result<ClusterAccess> readContext(const YAML::Node& root, const std::string& path) {
  if (!root.IsMap()) return broken(path, "is empty or no YAML map");
  const std::string current = text(root, "current-context");
  if (current.empty()) {
    return broken(path, "has no current-context: set one by `kubectl config use-context NAME`");
  }
  const YAML::Node context = named(root, "contexts", current, "context");
  if (!context || !context.IsMap()) {
    return broken(path, "current-context \"" + current + "\" is not among its contexts");
  }
  const std::string clusterName = text(context, "cluster");
  const YAML::Node cluster = named(root, "clusters", clusterName, "cluster");
  if (!cluster || !cluster.IsMap()) {
    return broken(path,
                  "the cluster \"" + clusterName + "\" of its context is not among its clusters");
  }
  const std::string userName = text(context, "user");
  const YAML::Node user = named(root, "users", userName, "user");
  if (!user || !user.IsMap()) {
    return broken(path, "the user \"" + userName + "\" of its context is not among its users");
  }
  ClusterAccess access;
  if (auto read = readCluster(cluster, path, access); !read) {
    return tl::make_unexpected(read.error());
  }
  if (auto read = readUser(user, path, access); !read) return tl::make_unexpected(read.error());
  access.description = path + ", context " + current;
  return access;
}

}  // namespace

Result<void> parseServer(const std::string& url, ClusterAccess& access) {
  const auto wrong = [&](const std::string& why) {
    return fail(ErrorCode::kInvalid, "server \"" + url + "\" " + why + ": write https://host:port");
  };
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return wrong("is not https");
  std::string rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.pop_back();
  if (rest.find_first_of("/?#@") != std::string::npos) return wrong("has more than host and port");
  std::string port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string::npos) return wrong("has a [ without ]");
    access.host = rest.substr(1, end - 1);
    const std::string after = rest.substr(end + 1);
    if (!after.empty() && after.front() != ':') return wrong("has text after ]");
    if (!after.empty()) port = after.substr(1);
  } else {
    const auto colon = rest.find(':');
    access.host = rest.substr(0, colon);
    if (colon != std::string::npos) port = rest.substr(colon + 1);
  }
  if (access.host.empty()) return wrong("has no host");
  if (!port.empty()) {
    const auto [end, status] = std::from_chars(port.data(), port.data() + port.size(), access.port);
    if (status != std::errc{} || end != port.data() + port.size() || access.port == 0) {
      return wrong("has no valid port");
    }
  }
  return {};
}

Result<ClusterAccess> parseKubeconfig(const std::string& content, const std::string& path) {
  if (content.size() > kMaxSize) return broken(path, "is larger than 1 MiB: that is no kubeconfig");
  try {
    return readContext(YAML::Load(content), path);
  } catch (const YAML::Exception& error) {
    return broken(path, std::string("is no valid YAML: ") + error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return broken(path, error.what());
  }
}

Result<ClusterAccess> loadKubeconfig(const std::string& path) {
  const auto content = TextSource{path, {}}.read();
  if (!content)
    return broken(path, "cannot be read: name an existing file by --kubeconfig or KUBECONFIG");
  return parseKubeconfig(*content, path);
}

}  // namespace barevip::kube
