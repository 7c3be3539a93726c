// SPDX-License-Identifier: Apache-2.0
#include "barevip/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace barevip::log {
namespace {

spdlog::level::level_enum native(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Deliberately never destroyed: threads may log until the very end of the process.
spdlog::logger& logger() {
  static auto* const instance = [] {
    auto* made = new spdlog::logger("barevip", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

// One line a message and no terminal escapes, whatever a cluster puts into a name.
void append(std::string& line, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += '?';
    } else {
      line += c;
    }
  }
}

}  // namespace

Result<Level> parseLevel(std::string_view text) {
  if (text == "debug") return Level::kDebug;
  if (text == "info") return Level::kInfo;
  if (text == "warn") return Level::kWarn;
  if (text == "error") return Level::kError;
  return fail(ErrorCode::kInvalid,
              "\"" + std::string(text) + "\" is not a log level: write debug, info, warn or error");
}

void setLevel(Level level) { logger().set_level(native(level)); }

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!logger().should_log(native(level))) return;
  std::string line;
  append(line, message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    const bool quote = field.value.empty() || field.value.find(' ') != std::string::npos;
    if (quote) line += '"';
    append(line, field.value);
    if (quote) line += '"';
  }
  logger().log(native(level), "{}", line);
}

}  // namespace barevip::log
