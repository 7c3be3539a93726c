// SPDX-License-Identifier: Apache-2.0
#include "common/kube/kubeconfig_yaml.h"

#include <filesystem>

namespace barevip::kube {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> invalid(const std::string& file, std::string_view rest) {
  return fail(ErrorCode::kInvalid, "kubeconfig \"" + file + "\": " + std::string(rest));
}

// The member, or a null.
YAML::Node member(const YAML::Node& node, const char* key) {
  if (!node.IsMap()) return {};
  const YAML::Node value = node[key];
  return value ? YAML::Node(value) : YAML::Node();
}

std::string scalar(const YAML::Node& node) {
  return node.IsScalar() ? node.Scalar() : std::string();
}

std::vector<std::string> scalars(const YAML::Node& node) {
  std::vector<std::string> result;
  if (!node.IsSequence()) return result;
  for (const YAML::Node& each : node) result.push_back(scalar(each));
  return result;
}

}  // namespace

KubeconfigEntry::KubeconfigEntry(const YAML::Node& node, std::string file, std::string where)
    : node_(node), file_(std::move(file)), where_(std::move(where)) {}

bool KubeconfigEntry::has(const char* key) const { return !member(node_, key).IsNull(); }

std::string KubeconfigEntry::text(const char* key) const { return scalar(member(node_, key)); }

std::vector<std::string> KubeconfigEntry::texts(const char* key) const {
  return scalars(member(node_, key));
}

std::vector<std::pair<std::string, std::vector<std::string>>> KubeconfigEntry::textsByName(
    const char* key) const {
  std::vector<std::pair<std::string, std::vector<std::string>>> result;
  const YAML::Node map = member(node_, key);
  if (!map.IsMap()) return result;
  for (const auto& each : map) result.emplace_back(scalar(each.first), scalars(each.second));
  return result;
}

KubeconfigEntry KubeconfigEntry::map(const char* key) const {
  return {member(node_, key), file_, where_ + ": " + key};
}

std::vector<KubeconfigEntry> KubeconfigEntry::maps(const char* key) const {
  std::vector<KubeconfigEntry> result;
  const YAML::Node list = member(node_, key);
  if (!list.IsSequence()) return result;
  for (const YAML::Node& each : list) result.emplace_back(each, file_, where_ + ": " + key);
  return result;
}

std::string KubeconfigEntry::resolve(const std::string& path) const {
  return fs::path(path).is_absolute() ? path : (fs::path(file_).parent_path() / path).string();
}

tl::unexpected<Error> KubeconfigEntry::broken(std::string_view rest) const {
  return invalid(file_, where_ + std::string(rest));
}

Result<void> KubeconfigFiles::add(std::string_view text, const std::string& file) {
  try {
    YAML::Node root = YAML::Load(std::string(text));
    // An empty file is a kubeconfig without entries, as for client-go.
    if (!root.IsMap() && !root.IsNull()) {
      return invalid(file,
                     "is not a kubeconfig: it should start with apiVersion: v1 and kind: Config");
    }
    files_.emplace_back(std::move(root), file);
    return {};
  } catch (const YAML::Exception& problem) {
    return invalid(file, "is not valid YAML at line " + std::to_string(problem.mark.line + 1) +
                             ", column " + std::to_string(problem.mark.column + 1) + ": " +
                             problem.msg);
  }
}

Result<std::string> KubeconfigFiles::currentContext() const {
  for (const auto& [root, file] : files_) {
    if (std::string current = scalar(member(root, "current-context")); !current.empty()) {
      return current;
    }
  }
  return broken("current-context is not set: run kubectl config use-context NAME");
}

Result<KubeconfigEntry> KubeconfigFiles::find(const char* list, const char* wanted,
                                              const std::string& name) const {
  for (const auto& [root, file] : files_) {
    const YAML::Node entries = member(root, list);
    if (!entries.IsSequence()) continue;
    for (const YAML::Node& entry : entries) {
      if (scalar(member(entry, "name")) != name) continue;
      const YAML::Node found = member(entry, wanted);
      if (found.IsNull()) continue;
      return KubeconfigEntry(found, file, std::string(wanted) + " \"" + name + "\"");
    }
  }
  return broken(std::string(list) + " has no " + wanted + " named \"" + name +
                "\": add it or choose another context");
}

tl::unexpected<Error> KubeconfigFiles::broken(const std::string& sentence) const {
  std::string names;
  for (const auto& [root, file] : files_) names += (names.empty() ? "" : ":") + file;
  return invalid(names, sentence);
}

}  // namespace barevip::kube
