// SPDX-License-Identifier: Apache-2.0
// Texts that many objects have in common.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace barevip {

/// A text that stands in memory once, however many values have it: a pointer in each of them. For
/// what repeats from object to object, as types and reasons of conditions, names of Pools and nodes
/// and the uid that an owner reference repeats. What is different in each object (a
/// resourceVersion, a message) is smaller as a std::string.
///
/// A value like std::string, which it turns into where one is asked for; never changes but by
/// assignment. What str() returns lives as long as any Text that equals it. Copies and ends of
/// copies may run on any thread; making one from characters and ending the last one take a lock.
class Text {
 public:
  Text() = default;
  // Implicit, so that a field may become a Text, or a std::string again, where it is declared.
  Text(std::string_view text);  // NOLINT(google-explicit-constructor)
  Text(const std::string& text)
      : Text(std::string_view(text)) {}                     // NOLINT(google-explicit-constructor)
  Text(const char* text) : Text(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)

  Text(const Text& other) noexcept;
  Text(Text&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  Text& operator=(Text other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~Text();

  [[nodiscard]] const std::string& str() const;
  operator const std::string&() const { return str(); }  // NOLINT(google-explicit-constructor)
  operator std::string_view() const { return str(); }    // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool empty() const { return entry_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return str().size(); }
  void clear() { *this = Text(); }

  /// How many different texts there are now.
  [[nodiscard]] static std::size_t distinct();

  friend bool operator==(const Text& a, const Text& b) { return a.entry_ == b.entry_; }
  friend bool operator==(const Text& a, std::string_view b) { return a.str() == b; }
  friend bool operator==(const Text& a, const std::string& b) { return a.str() == b; }
  friend bool operator==(const Text& a, const char* b) { return a.str() == b; }
  friend std::strong_ordering operator<=>(const Text& a, const Text& b) {
    return a.entry_ == b.entry_ ? std::strong_ordering::equal : a.str() <=> b.str();
  }
  friend std::string operator+(const Text& a, std::string_view b) {
    return a.str() + std::string(b);
  }
  friend std::string operator+(std::string a, const Text& b) { return std::move(a) + b.str(); }
  friend std::ostream& operator<<(std::ostream& out, const Text& text) { return out << text.str(); }

 private:
  struct Pool;
  struct Entry;

  const Entry* entry_ = nullptr;  ///< nullptr: the empty text
};

}  // namespace barevip

template <>
struct std::hash<barevip::Text> {
  std::size_t operator()(const barevip::Text& text) const noexcept {
    // Of the characters: containers have one order in each run.
    return std::hash<std::string_view>{}(text);
  }
};
