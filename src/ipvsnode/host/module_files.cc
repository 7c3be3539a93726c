// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/module_files.h"

#include <algorithm>
#include <system_error>

#include "common/base/text_file.h"

namespace barevip::host {
namespace {

bool sameName(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return plain(x) == plain(y); });
}

}  // namespace

bool listsModule(std::string_view text, std::string_view module) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    // "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/..."
    std::string_view file = line.substr(0, line.find(':'));
    file.remove_prefix(
        file.find_last_of('/') == std::string_view::npos ? 0 : file.find_last_of('/') + 1);
    const auto suffix = file.find(".ko");
    if (suffix != std::string_view::npos && sameName(file.substr(0, suffix), module)) return true;
  }
  return false;
}

ModuleFiles::ModuleFiles(const std::string& release, const std::filesystem::path& root)
    : loaded_(root / "sys/module") {
  const std::filesystem::path folder = root / "lib/modules" / release;
  auto builtIn = readTextFile(folder / "modules.builtin");
  auto loadable = readTextFile(folder / "modules.dep");
  readable_ = builtIn && loadable;
  if (builtIn) builtIn_ = std::move(*builtIn);
  if (loadable) loadable_ = std::move(*loadable);
}

ModuleState ModuleFiles::stateOf(const std::string& module) const {
  std::error_code error;
  if (std::filesystem::exists(loaded_ / module, error)) return ModuleState::kLoaded;
  if (listsModule(builtIn_, module)) return ModuleState::kBuiltIn;
  if (listsModule(loadable_, module)) return ModuleState::kLoadable;
  return readable_ ? ModuleState::kMissing : ModuleState::kUnknown;
}

}  // namespace barevip::host
