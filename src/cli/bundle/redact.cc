// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle/redact.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>

namespace barevip::cli {
namespace {

constexpr std::size_t kShortestCredential = 12;  // shorter words behind "basic" are English
constexpr std::array<std::string_view, 2> kSchemes{"http://", "https://"};
constexpr std::array<std::string_view, 2> kCredentials{"bearer ", "basic "};
constexpr std::array<std::string_view, 6> kNames{"token",  "password", "secret",
                                                 "apikey", "api-key",  "api_key"};
constexpr std::string_view kWebToken = "eyJ";  // of {" in base64
constexpr std::string_view kEnds = " \t\r\n\"'<>`\\";
constexpr std::string_view kEscapedQuote = "\\\"";

bool startsWith(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::equal(lower.begin(), lower.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

// The length of the word that `text` begins with.
std::size_t wordAt(std::string_view text, std::string_view ends = kEnds) {
  return std::min(text.find_first_of(ends), text.size());
}

/// What to keep and to drop of the front of a text.
struct Cut {
  std::size_t keep = 0;
  std::size_t drop = 0;
};

std::optional<Cut> cutUrl(std::string_view text) {
  for (const std::string_view scheme : kSchemes) {
    if (!startsWith(text, scheme)) continue;
    const std::string_view rest = text.substr(scheme.size(), wordAt(text.substr(scheme.size())));
    const std::size_t authority = wordAt(rest, "/?#");
    const std::size_t at = rest.substr(0, authority).rfind('@');
    if (at != std::string_view::npos) return Cut{scheme.size(), rest.size()};
    if (rest.size() <= authority + 1) return std::nullopt;
    return Cut{scheme.size() + authority + 1, rest.size() - authority - 1};
  }
  return std::nullopt;
}

std::optional<Cut> cutCredential(std::string_view text) {
  for (const std::string_view name : kCredentials) {
    if (!startsWith(text, name)) continue;
    const std::size_t length = wordAt(text.substr(name.size()));
    if (length >= kShortestCredential) return Cut{name.size(), length};
  }
  if (text.starts_with(kWebToken) && wordAt(text) >= kShortestCredential) {
    return Cut{0, wordAt(text)};
  }
  return std::nullopt;
}

// Of a text in quotes that begins behind the first one: without the last one.
std::size_t quotedAt(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && text[length] != '"') length += text[length] == '\\' ? 2 : 1;
  return std::min(length, text.size());
}

// 2: of JSON within a text of JSON.
std::size_t quoteAt(std::string_view text) {
  if (text.starts_with(kEscapedQuote)) return kEscapedQuote.size();
  return text.starts_with('"') ? 1 : 0;
}

// name=value, name: value, "name":"value", and "--name","value" as in a list of arguments.
std::optional<Cut> cutNamed(std::string_view text) {
  for (const std::string_view name : kNames) {
    if (!startsWith(text, name)) continue;
    const std::size_t closing = quoteAt(text.substr(name.size()));
    std::size_t end = name.size() + closing;
    const char between = end < text.size() ? text[end] : ' ';
    if (between != '=' && between != ':' && (between != ',' || closing == 0)) return std::nullopt;
    ++end;
    while (between != '=' && end < text.size() && text[end] == ' ') ++end;
    const std::size_t opening = quoteAt(text.substr(end));
    end += opening;
    const std::string_view rest = text.substr(std::min(end, text.size()));
    const std::size_t length = opening == 2   ? std::min(rest.find(kEscapedQuote), rest.size())
                               : opening == 1 ? quotedAt(rest)
                                              : wordAt(rest);
    // "a token: none" is English.
    const bool prose = between == ':' && opening == 0 && name != "password";
    if (length < (prose ? kShortestCredential : 1)) return std::nullopt;
    return Cut{end, length};
  }
  return std::nullopt;
}

std::optional<Cut> cutAt(std::string_view text) {
  if (const auto cut = cutUrl(text)) return cut;
  if (const auto cut = cutCredential(text)) return cut;
  return cutNamed(text);
}

}  // namespace

std::string redacted(std::string_view text) {
  constexpr std::string_view kFirst = "hHbBeEtTpPsSaA";
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t next = std::min(text.find_first_of(kFirst), text.size());
    result += text.substr(0, next);
    text.remove_prefix(next);
    if (text.empty()) break;
    if (const auto cut = cutAt(text)) {
      result += text.substr(0, cut->keep);
      result += kRedacted;
      text.remove_prefix(cut->keep + cut->drop);
    } else {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace barevip::cli
