// SPDX-License-Identifier: Apache-2.0
#include "common/base/rfc3339.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace barevip {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using MicroTime = std::chrono::sys_time<microseconds>;

std::string format(WallTime time, bool micros) {
  const auto whole = std::chrono::floor<microseconds>(time);
  const auto day = std::chrono::floor<days>(whole);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{whole - day};
  std::array<char, 64> text{};
  const int year = static_cast<int>(date.year());
  const auto month = static_cast<unsigned>(date.month());
  const auto dayOfMonth = static_cast<unsigned>(date.day());
  const long hour = clock.hours().count();
  const long minute = clock.minutes().count();
  const long second = clock.seconds().count();
  const long fraction = clock.subseconds().count();
  int length = 0;
  if (micros) {
    length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ld.%06ldZ",
                           year, month, dayOfMonth, hour, minute, second, fraction);
  } else {
    length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02ld:%02ld:%02ldZ", year,
                           month, dayOfMonth, hour, minute, second);
  }
  return {text.data(), static_cast<std::size_t>(length)};
}

// Reads fixed-width fields from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    if (rest_.size() < digits) ok_ = false;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      if (!isDigit(rest_[i])) ok_ = false;
      value = value * 10 + (rest_[i] - '0');
    }
    if (ok_) rest_.remove_prefix(digits);
    return value;
  }

  bool take(char wanted) {
    if (!ok_ || rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char wanted) { ok_ = take(wanted) && ok_; }

  // The digits after the point as microseconds.
  microseconds fraction() {
    std::size_t digits = 0;
    int value = 0;
    while (digits < rest_.size() && isDigit(rest_[digits])) {
      if (digits < 6) value = value * 10 + (rest_[digits] - '0');
      ++digits;
    }
    if (digits == 0 || digits > 9) ok_ = false;
    for (std::size_t i = digits; i < 6; ++i) value *= 10;
    rest_.remove_prefix(digits);
    return microseconds(value);
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool finished() const { return ok_ && rest_.empty(); }

 private:
  static bool isDigit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string formatSeconds(WallTime time) { return format(time, false); }

std::string formatMicros(WallTime time) { return format(time, true); }

Result<WallTime> parseRfc3339(std::string_view text) {
  Reader reader(text);
  const int year = reader.number(4);
  reader.expect('-');
  const int month = reader.number(2);
  reader.expect('-');
  const int day = reader.number(2);
  reader.expect('T');
  const int hour = reader.number(2);
  reader.expect(':');
  const int minute = reader.number(2);
  reader.expect(':');
  const int second = reader.number(2);
  microseconds fraction{0};
  if (reader.take('.')) fraction = reader.fraction();
  minutes zone{0};
  if (!reader.take('Z')) {
    const bool east = reader.take('+');
    if (!east) reader.expect('-');
    const int zoneHours = reader.number(2);
    reader.expect(':');
    const int zoneMinutes = reader.number(2);
    zone = (hours(zoneHours) + minutes(zoneMinutes)) * (east ? 1 : -1);
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // Years outside 1700-2261 do not fit the clock's nanoseconds.
  if (!reader.finished() || !date.ok() || year < 1700 || year > 2261 || hour > 23 || minute > 59 ||
      second > 60) {
    return fail(ErrorCode::kInvalid, "\"" + std::string(text.substr(0, 64)) +
                                         "\" is not a time: write it as 2006-01-02T15:04:05Z");
  }
  const MicroTime time = std::chrono::sys_days{date} + hours(hour) + minutes(minute) +
                         seconds(second) + fraction - zone;
  return std::chrono::time_point_cast<WallTime::duration>(time);
}

std::int64_t secondsSinceEpoch(WallTime time) {
  return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

WallTime fromSecondsSinceEpoch(std::int64_t count) { return WallTime{seconds{count}}; }

}  // namespace barevip
