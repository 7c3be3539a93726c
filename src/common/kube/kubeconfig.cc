// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/text_file.h"
#include "common/kube/server_url.h"
#include "common/kube/token_file.h"

namespace barevip::kube {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;

std::optional<std::string> decodeBase64(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string result(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const auto padding = static_cast<std::size_t>(
      std::count(text.end() - 2, text.end(), '='));  // decoded as zero bytes
  result.resize(static_cast<std::size_t>(size) - padding);
  return result;
}

bool holdsCertificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) != nullptr;
}

// A key with a passphrase must not stop the program with a question.
int noPassphrase(char*, int, int, void*) { return 0; }

bool holdsPrivateKey(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return PrivateKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr)) != nullptr;
}

/// Reads one kubeconfig; every error names the file.
class Parser {
 public:
  Parser(const YAML::Node& root, std::string file)
      : root_(root), file_(std::move(file)), folder_(fs::path(file_).parent_path()) {}

  Result<TransportOptions> parse() {
    const std::string current = text(root_, "current-context");
    if (current.empty()) {
      return broken("current-context is not set: run kubectl config use-context NAME");
    }
    auto context = named("contexts", "context", current);
    if (!context) return tl::make_unexpected(std::move(context.error()));
    const std::string clusterName = text(*context, "cluster");
    const std::string userName = text(*context, "user");
    auto cluster = named("clusters", "cluster", clusterName);
    if (!cluster) return tl::make_unexpected(std::move(cluster.error()));
    TransportOptions options;
    if (auto ok = readCluster(*cluster, "cluster \"" + clusterName + "\"", options); !ok) {
      return tl::make_unexpected(std::move(ok.error()));
    }
    if (userName.empty()) return options;
    auto user = named("users", "user", userName);
    if (!user) return tl::make_unexpected(std::move(user.error()));
    if (auto ok = readUser(*user, "user \"" + userName + "\"", options); !ok) {
      return tl::make_unexpected(std::move(ok.error()));
    }
    return options;
  }

 private:
  [[nodiscard]] tl::unexpected<Error> broken(const std::string& sentence) const {
    return fail(ErrorCode::kInvalid, "kubeconfig \"" + file_ + "\": " + sentence);
  }

  static std::string text(const YAML::Node& node, const char* key) {
    if (!node.IsMap()) return {};
    const YAML::Node value = node[key];
    return value && value.IsScalar() ? value.Scalar() : std::string();
  }

  static bool has(const YAML::Node& node, const char* key) {
    if (!node.IsMap()) return false;
    const YAML::Node value = node[key];
    return value && !value.IsNull();
  }

  // The entry {name: wanted, member: {...}} of a list.
  Result<YAML::Node> named(const char* list, const char* member, const std::string& wanted) const {
    const YAML::Node entries = root_.IsMap() ? root_[list] : YAML::Node();
    if (entries && entries.IsSequence()) {
      for (const YAML::Node& entry : entries) {
        if (text(entry, "name") == wanted && has(entry, member)) return YAML::Node(entry[member]);
      }
    }
    return broken(std::string(list) + " has no " + member + " named \"" + wanted +
                  "\": add it or choose another context");
  }

  Result<void> readCluster(const YAML::Node& cluster, const std::string& where,
                           TransportOptions& options) const {
    const std::string server = text(cluster, "server");
    if (server.empty()) return broken(where + " has no server: add the URL of the API server");
    auto url = parseServerUrl(server);
    if (!url) return broken(where + ": server " + url.error().message);
    options.host = std::move(url->host);
    options.port = url->port;
    options.basePath = std::move(url->path);
    options.verifyName = text(cluster, "tls-server-name");
    if (text(cluster, "insecure-skip-tls-verify") == "true") {
      return broken(where +
                    " has insecure-skip-tls-verify, which is refused: remove it and set "
                    "certificate-authority");
    }
    if (has(cluster, "proxy-url")) {
      return broken(where + " has proxy-url, which is not supported: use a direct server URL");
    }
    if (auto ok = readPem(cluster, where, "certificate-authority", options.ca); !ok) return ok;
    if (options.ca.empty()) {
      return broken(where + " has no certificate-authority: add it, or certificate-authority-data");
    }
    return {};
  }

  Result<void> readUser(const YAML::Node& user, const std::string& where,
                        TransportOptions& options) const {
    for (const char* refused : {"exec", "auth-provider"}) {
      if (!has(user, refused)) continue;
      return broken(where + " uses an " + refused +
                    " plugin, which is not supported: use a client certificate or a token, e.g. "
                    "from kubectl create token");
    }
    for (const char* refused : {"username", "password", "as", "as-uid", "as-groups"}) {
      if (!has(user, refused)) continue;
      return broken(where + " has " + refused +
                    ", which is not supported: use a client certificate or a token");
    }
    if (auto ok = readPem(user, where, "client-certificate", options.certificate); !ok) return ok;
    if (auto ok = readPem(user, where, "client-key", options.key); !ok) return ok;
    if (options.certificate.empty() != options.key.empty()) {
      return broken(where + " needs both client-certificate and client-key, or neither");
    }
    return readToken(user, where, options);
  }

  // As in client-go, tokenFile wins over token.
  Result<void> readToken(const YAML::Node& user, const std::string& where,
                         TransportOptions& options) const {
    if (const std::string file = text(user, "tokenFile"); !file.empty()) {
      options.bearer = tokenFile(resolve(file));
      const auto token = options.bearer();
      if (!token) return broken(where + ": tokenFile: " + token.error().message);
      return {};
    }
    if (std::string token = text(user, "token"); !token.empty()) {
      options.bearer = [token = std::move(token)]() -> Result<std::string> { return token; };
    }
    return {};
  }

  // The member `key` (a file) or `key`-data (base64), which wins as in client-go; checked here so
  // that a wrong file is told at the start and not as a failing handshake.
  Result<void> readPem(const YAML::Node& node, const std::string& where, const std::string& key,
                       Pem& pem) const {
    const std::string dataKey = key + "-data";
    std::string content;
    if (const std::string data = text(node, dataKey.c_str()); !data.empty()) {
      auto decoded = decodeBase64(data);
      if (!decoded) {
        return broken(where + ": " + dataKey +
                      " is no base64: encode the PEM file with base64 -w0");
      }
      pem.data = *decoded;
      content = std::move(*decoded);
    } else if (const std::string file = text(node, key.c_str()); !file.empty()) {
      pem.file = resolve(file);
      auto read = readTextFile(pem.file);
      if (!read) return broken(where + ": " + key + ": " + read.error().message);
      content = std::move(*read);
    } else {
      return {};
    }
    const bool isKey = key == "client-key";
    if (isKey ? !holdsPrivateKey(content) : !holdsCertificate(content)) {
      return broken(
          where + ": " + (pem.file.empty() ? dataKey : key + " \"" + pem.file + "\"") +
          (isKey ? " holds no private key without a passphrase" : " holds no certificate") +
          " in PEM form: check that it is the right file");
    }
    return {};
  }

  [[nodiscard]] std::string resolve(const std::string& path) const {
    return fs::path(path).is_absolute() ? path : (folder_ / path).string();
  }

  YAML::Node root_;
  std::string file_;
  fs::path folder_;
};

}  // namespace

Result<TransportOptions> loadKubeconfig(const std::string& file) {
  const auto text = readTextFile(file);
  if (!text) return fail(ErrorCode::kInvalid, "kubeconfig: " + text.error().message);
  return parseKubeconfig(*text, file);
}

Result<TransportOptions> parseKubeconfig(std::string_view text, const std::string& file) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) {
      return fail(ErrorCode::kInvalid, "kubeconfig \"" + file +
                                           "\": is no kubeconfig: it should start with apiVersion: "
                                           "v1 and kind: Config");
    }
    return Parser(root, file).parse();
  } catch (const YAML::Exception& problem) {
    return fail(ErrorCode::kInvalid, "kubeconfig \"" + file + "\": is no valid YAML at line " +
                                         std::to_string(problem.mark.line + 1) + ", column " +
                                         std::to_string(problem.mark.column + 1) + ": " +
                                         problem.msg);
  }
}

}  // namespace barevip::kube
