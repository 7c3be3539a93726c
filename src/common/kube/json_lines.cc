// SPDX-License-Identifier: Apache-2.0
#include "common/kube/json_lines.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace barevip::kube {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kStructure = "\"{}[]:,";
constexpr std::size_t kMaxKey = 64;
constexpr std::size_t kShown = 200;

tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::kInvalid, "the API server's answer " + std::move(message));
}

}  // namespace

Result<void> LineSplitter::feed(std::string_view bytes, const OnText& onLine) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end).substr(0, maxLine_ - rest_.size());
    if (end == std::string_view::npos) {
      rest_.append(piece);
      return {};
    }
    bytes.remove_prefix(end + 1);
    std::string_view line = piece;
    std::string whole;
    if (!rest_.empty()) {
      whole = std::exchange(rest_, {});
      whole.append(piece);
      line = whole;
    }
    if (line.find_first_not_of(kSpace) == std::string_view::npos) continue;
    if (auto taken = onLine(line); !taken) return taken;
  }
  return {};
}

Result<void> ItemSplitter::feed(std::string_view bytes, const OnText& onItem) {
  while (!bytes.empty()) {
    if (complete_) {
      if (bytes.find_first_not_of(kSpace) == std::string_view::npos) return {};
      return invalid("goes on after its end");
    }
    if (inString_) {
      // Up to the quote that ends the string.
      std::size_t end = 0;
      while (end < bytes.size() && (escaped_ || bytes[end] != '"')) {
        escaped_ = !escaped_ && bytes[end] == '\\';
        ++end;
      }
      if (!inItem_ && lastString_.size() < kMaxKey) lastString_.append(bytes.substr(0, end));
      const bool ended = end < bytes.size();
      if (auto taken = take(bytes.substr(0, ended ? end + 1 : end)); !taken) return taken;
      bytes.remove_prefix(ended ? end + 1 : end);
      inString_ = !ended;
      continue;
    }
    const std::size_t next = std::min(bytes.find_first_of(kStructure), bytes.size());
    if (auto taken = take(bytes.substr(0, next)); !taken) return taken;
    bytes.remove_prefix(next);
    if (bytes.empty()) break;
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (auto taken = structure(c, onItem); !taken) return taken;
  }
  return {};
}

void ItemSplitter::keep(std::string_view text) {
  if (!inItem_) {
    envelope_.append(text);
    return;
  }
  if (cut_) return;
  const std::size_t room = maxItem_ - item_.size();
  cut_ = text.size() > room;
  item_.append(text.substr(0, room));
}

// Text without structure: blanks, numbers, parts of strings.
Result<void> ItemSplitter::take(std::string_view run) {
  const bool blank = run.find_first_not_of(kSpace) == std::string_view::npos;
  if (depth_ == 0 && !blank) return invalid("is not a JSON object");
  if (inList_ && !inItem_) return {};  // elements that are not objects are left out
  if (inString_ || !blank) keep(run);
  return fits();
}

Result<void> ItemSplitter::structure(char c, const OnText& onItem) {
  switch (c) {
    case '{':
    case '[':
      return open(c);
    case '}':
    case ']':
      return close(c, onItem);
    case '"':
      inString_ = true;
      escaped_ = false;
      if (!inItem_) lastString_.clear();
      break;
    case ':':
      isKey_ = depth_ == 1;
      break;
    default:
      isKey_ = false;
  }
  if (depth_ == 0) return invalid("is not a JSON object");
  if (!inList_ || inItem_) keep({&c, 1});
  return fits();
}

Result<void> ItemSplitter::open(char c) {
  if (depth_ == 0 && c != '{') return invalid("is not a JSON object");
  if (depth_ >= kMaxDepth && !inItem_) return invalid("is nested too deeply");
  const bool list = depth_ == 1 && isKey_ && c == '[' && lastString_ == "items";
  isKey_ = false;
  ++depth_;
  if (inList_ && !inItem_) {
    if (c != '{' || depth_ != 3) return invalid("has a list of items with a list in it");
    inItem_ = true;
    cut_ = false;
    item_.clear();
  }
  cut_ = cut_ || depth_ > kMaxDepth;
  keep({&c, 1});
  if (list) inList_ = true;
  return fits();
}

Result<void> ItemSplitter::close(char c, const OnText& onItem) {
  if (depth_ == 0) return invalid("is not a JSON object");
  --depth_;
  if (inList_ && depth_ == 1) inList_ = false;  // its bracket belongs to the envelope
  keep({&c, 1});
  if (auto ok = fits(); !ok) return ok;
  if (inItem_ && depth_ == 2) {
    inItem_ = false;
    return onItem(item_);
  }
  complete_ = depth_ == 0;
  return {};
}

Result<void> ItemSplitter::fits() const {
  if (envelope_.size() <= maxItem_) return {};
  return invalid("has more than " + std::to_string(maxItem_) + " bytes beside its items");
}

Result<std::string_view> ItemSplitter::finish() const {
  if (!complete_) return fail(ErrorCode::kUnavailable, "the API server's answer was cut");
  return std::string_view(envelope_);
}

Result<nlohmann::json> parseObject(std::string_view text) {
  auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return invalid("is not a JSON object: \"" + excerpt(text) + "\"");
  }
  return object;
}

std::string excerpt(std::string_view text) { return std::string(text.substr(0, kShown)); }

}  // namespace barevip::kube
