// SPDX-License-Identifier: Apache-2.0
// The YAML of kubeconfigs: entries by name, over all files that are merged.
#pragma once

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "barevip/base/result.h"

namespace barevip::kube {

/// One map of a kubeconfig, e.g. a cluster. A member that is missing or of another type reads as
/// empty. Not thread-safe.
class KubeconfigEntry {
 public:
  /// `where` is how messages call it, e.g. `user "me"`.
  KubeconfigEntry(const YAML::Node& node, std::string file, std::string where);

  [[nodiscard]] bool has(const char* key) const;
  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] std::vector<std::string> texts(const char* key) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<std::string>>> textsByName(
      const char* key) const;
  [[nodiscard]] KubeconfigEntry map(const char* key) const;
  [[nodiscard]] std::vector<KubeconfigEntry> maps(const char* key) const;

  /// A path of this entry: a relative one is relative to the folder of the entry's file.
  [[nodiscard]] std::string resolve(const std::string& path) const;

  /// kInvalid: `kubeconfig "FILE": WHERE`, followed by `rest` as it is.
  [[nodiscard]] tl::unexpected<Error> broken(std::string_view rest) const;

 private:
  YAML::Node node_;
  std::string file_;
  std::string where_;
};

/// Files that are merged as client-go merges them: the first file that sets current-context wins,
/// and so does, as a whole, the first entry of a name. Not thread-safe.
class KubeconfigFiles {
 public:
  /// Adds a file after the others. kInvalid, naming the file, if the text is not a kubeconfig.
  Result<void> add(std::string_view text, const std::string& file);

  [[nodiscard]] Result<std::string> currentContext() const;

  /// The entry {name: NAME, MEMBER: {...}} of a list.
  [[nodiscard]] Result<KubeconfigEntry> find(const char* list, const char* member,
                                             const std::string& name) const;

 private:
  [[nodiscard]] tl::unexpected<Error> broken(const std::string& sentence) const;

  std::vector<std::pair<YAML::Node, std::string>> files_;  ///< root and path
};

}  // namespace barevip::kube
