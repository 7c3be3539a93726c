// SPDX-License-Identifier: Apache-2.0
// Structured log lines: a sentence, then key=value pairs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "barevip/base/result.h"

namespace barevip::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// "debug", "info", "warn" or "error".
[[nodiscard]] Result<Level> parseLevel(std::string_view text);

/// Lines below the level are dropped. Output goes to stderr. Thread-safe.
void setLevel(Level level);

struct Field {
  std::string_view key;
  std::string value;
};

/// Thread-safe. The message is a constant sentence; what varies goes into fields.
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::kDebug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::kInfo, m, f);
}
inline void warn(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::kWarn, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::kError, m, f);
}

}  // namespace barevip::log
