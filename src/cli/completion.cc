// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <string_view>

namespace barevip::cli {
namespace {

// A POSIX shell function that prints the words that may follow the command of its arguments, which
// are those before the cursor, a line each.
std::string wordsFunction(const std::vector<CommandWords>& commands) {
  std::string script = R"(_kubectl_barevip_words() {
  _kubectl_barevip_command=
  for _kubectl_barevip_word in "$@"; do
    case "$_kubectl_barevip_command/$_kubectl_barevip_word" in
)";
  for (const CommandWords& each : commands) {
    if (each.command.empty()) continue;
    const auto space = each.command.rfind(' ');
    const std::string before = space == std::string::npos ? "" : each.command.substr(0, space);
    const std::string last =
        space == std::string::npos ? each.command : each.command.substr(space + 1);
    script.append("      '").append(before).append("/").append(last).append("') ");
    script.append("_kubectl_barevip_command='").append(each.command).append("' ;;\n");
  }
  script += R"(    esac
  done
  case "$_kubectl_barevip_command" in
)";
  for (const CommandWords& each : commands) {
    script += "    '" + each.command + "') printf '%s\\n'";
    for (const std::string& word : each.words) script += " '" + word + "'";
    script += " ;;\n";
  }
  return script + "  esac\n}\n";
}

constexpr std::string_view kBash = R"(_kubectl_barevip() {
  COMPREPLY=()
  local word
  while IFS= read -r word; do
    [[ $word == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$word")
  done < <(_kubectl_barevip_words "${COMP_WORDS[@]:1:COMP_CWORD-1}")
}
complete -o default -F _kubectl_barevip kubectl-barevip
)";

constexpr std::string_view kZsh = R"(_kubectl_barevip() {
  local -a found
  found=("${(@f)$(_kubectl_barevip_words "${(@)words[2,CURRENT-1]}")}")
  compadd -a found || _files
}
compdef _kubectl_barevip kubectl-barevip
)";

// kubectl gives the words behind `barevip`, the one at the cursor last. 4: no files.
constexpr std::string_view kKubectl = R"(_kubectl_barevip_last=
_kubectl_barevip_count=$#
while [ "$_kubectl_barevip_count" -gt 0 ]; do
  _kubectl_barevip_next=$1
  shift
  if [ "$_kubectl_barevip_count" -gt 1 ]; then
    set -- "$@" "$_kubectl_barevip_next"
  else
    _kubectl_barevip_last=$_kubectl_barevip_next
  fi
  _kubectl_barevip_count=$((_kubectl_barevip_count - 1))
done
_kubectl_barevip_words "$@" | while IFS= read -r _kubectl_barevip_word; do
  case "$_kubectl_barevip_word" in
    "$_kubectl_barevip_last"*) printf '%s\n' "$_kubectl_barevip_word" ;;
  esac
done
printf ':4\n'
)";

std::string fishScript(const std::vector<CommandWords>& commands) {
  std::string script;
  for (const CommandWords& each : commands) {
    const std::string condition =
        each.command.empty()
            ? "__fish_is_first_token"
            : "__fish_seen_subcommand_from " + each.command.substr(each.command.rfind(' ') + 1);
    // No command takes the name of a file where another command may follow.
    const bool hasCommands = !each.words.empty() && !each.words.front().starts_with('-');
    script += "complete -c kubectl-barevip " + std::string(hasCommands ? "-f " : "") + "-n '" +
              condition + "' -a '";
    for (std::size_t i = 0; i < each.words.size(); ++i) {
      script += (i == 0 ? "" : " ") + each.words[i];
    }
    script += "'\n";
  }
  return script;
}

}  // namespace

std::string completionScript(Shell shell, const std::vector<CommandWords>& commands) {
  switch (shell) {
    case Shell::kBash:
      return wordsFunction(commands) + std::string(kBash);
    case Shell::kZsh:
      return "#compdef kubectl-barevip\n" + wordsFunction(commands) + std::string(kZsh);
    case Shell::kFish:
      return fishScript(commands);
    case Shell::kKubectl:
      return "#!/bin/sh\n" + wordsFunction(commands) + std::string(kKubectl);
  }
  return {};
}

}  // namespace barevip::cli
