// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/pools_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "barevip/kube/object_key.h"

namespace barevip::cli {
namespace {

// Texts that YAML 1.1, which kubectl reads, would take for a truth value or nothing.
bool isWord(std::string text) {
  static const std::set<std::string> kWords{"y",     "n",  "yes", "no",  "true",
                                            "false", "on", "off", "null"};
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kWords.contains(text);
}

// True if the text can stand without quotes and still is read as text: names, and IPv4 addresses,
// whose dots make them no numbers. Everything else gets quotes.
bool isPlain(const std::string& text) {
  const auto safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == '/';
  };
  if (text.empty() || !std::all_of(text.begin(), text.end(), safe)) return false;
  const auto first = static_cast<unsigned char>(text.front());
  if (std::isalpha(first) != 0) return !isWord(text);
  return std::isdigit(first) != 0 && std::count(text.begin(), text.end(), '.') > 1;
}

class Writer {
 public:
  void write(const model::Pool& pool) {
    out_ << YAML::BeginDoc << YAML::BeginMap;
    member("apiVersion", kube::kPools.apiVersion());
    member("kind", std::string(kube::kPools.kind));
    out_ << YAML::Key << "metadata" << YAML::BeginMap;
    member("name", pool.key.name);
    out_ << YAML::EndMap;
    out_ << YAML::Key << "spec" << YAML::BeginMap;
    writeSpec(pool);
    out_ << YAML::EndMap << YAML::EndMap;
  }

  [[nodiscard]] std::string text() const {
    return out_.size() == 0 ? "" : std::string(out_.c_str()) + "\n";
  }

 private:
  void writeSpec(const model::Pool& pool) {
    const model::Pool defaults;
    member("addresses", pool.addresses);
    if (pool.allowFirstLast) member("allowFirstLast", true);
    member("exclude", pool.exclude);
    if (pool.avoidBuggyIps) member("avoidBuggyIPs", true);
    if (pool.avoidGatewayIps) member("avoidGatewayIPs", true);
    if (!pool.autoAssign) member("autoAssign", false);
    if (pool.priority != defaults.priority) {
      out_ << YAML::Key << "priority" << YAML::Value << pool.priority;
    }
    member("namespaces", pool.namespaces);
    member("namespaceSelector", pool.namespaceSelector);
    member("serviceSelector", pool.serviceSelector);
    member("ignoreNamespaces", pool.ignoreNamespaces);
    if (pool.allowSharing != defaults.allowSharing) {
      member("allowSharing", std::string(model::toString(pool.allowSharing)));
    }
    if (pool.announce == defaults.announce) return;
    out_ << YAML::Key << "announce" << YAML::BeginMap;
    if (pool.announce.mode == model::AnnounceMode::kNone) member("mode", std::string("None"));
    member("interfaces", pool.announce.interfaces);
    member("nodeSelector", pool.announce.nodeSelector);
    out_ << YAML::EndMap;
  }

  void text(const std::string& value) {
    if (!isPlain(value)) out_ << YAML::DoubleQuoted;
    out_ << value;
  }

  void member(const char* key, const std::string& value) {
    out_ << YAML::Key << key << YAML::Value;
    text(value);
  }

  void member(const char* key, bool value) { out_ << YAML::Key << key << YAML::Value << value; }

  void member(const char* key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    out_ << YAML::Key << key << YAML::Value << YAML::BeginSeq;
    for (const std::string& value : values) text(value);
    out_ << YAML::EndSeq;
  }

  void member(const char* key, const std::optional<model::LabelSelector>& selector) {
    if (!selector) return;
    out_ << YAML::Key << key << YAML::Value << YAML::BeginMap;
    if (!selector->matchLabels.empty()) {
      out_ << YAML::Key << "matchLabels" << YAML::Value << YAML::BeginMap;
      for (const auto& [label, value] : selector->matchLabels) {
        out_ << YAML::Key;
        text(label);
        out_ << YAML::Value;
        text(value);
      }
      out_ << YAML::EndMap;
    }
    if (!selector->matchExpressions.empty()) {
      out_ << YAML::Key << "matchExpressions" << YAML::Value << YAML::BeginSeq;
      for (const auto& requirement : selector->matchExpressions) {
        out_ << YAML::BeginMap;
        member("key", requirement.key);
        member("operator", requirement.op);
        member("values", requirement.values);
        out_ << YAML::EndMap;
      }
      out_ << YAML::EndSeq;
    }
    out_ << YAML::EndMap;
  }

  YAML::Emitter out_;
};

}  // namespace

std::string toYaml(const std::vector<model::Pool>& pools) {
  Writer writer;
  for (const model::Pool& pool : pools) writer.write(pool);
  return writer.text();
}

}  // namespace barevip::cli
