// SPDX-License-Identifier: Apache-2.0
// Whether the running kernel has a module or could load it, found in files and without privilege.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace barevip::host {

enum class ModuleState : std::uint8_t {
  kLoaded,
  kBuiltIn,
  kLoadable,
  kMissing,
  kUnknown,  ///< not loaded, and the list of the others cannot be read
};

/// Whether the text of modules.builtin or modules.dep (man 5 modules.dep) has the module. Dashes
/// and underscores are the same, compressed files count; any bytes.
[[nodiscard]] bool listsModule(std::string_view text, std::string_view module);

/// Looks at /sys/module and /lib/modules/RELEASE; tests replace the root.
class ModuleFiles {
 public:
  explicit ModuleFiles(const std::string& release, const std::filesystem::path& root = "/");

  [[nodiscard]] ModuleState stateOf(const std::string& module) const;

 private:
  std::filesystem::path loaded_;
  bool readable_ = false;
  std::string builtIn_;
  std::string loadable_;
};

}  // namespace barevip::host
