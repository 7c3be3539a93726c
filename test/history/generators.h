// SPDX-License-Identifier: Apache-2.0
// Of what generators of histories are made.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace barevip::history {

// Whatever the size: only the number of events grows with it.
template <class Number>
rc::Gen<std::uint8_t> below(Number end) {
  return rc::gen::resize(rc::kNominalSize,
                         rc::gen::inRange<std::uint8_t>(0, static_cast<std::uint8_t>(end)));
}

// Mostly false, and false when it shrinks.
inline rc::Gen<bool> seldom() {
  return rc::gen::map(below(5), [](std::uint8_t pick) { return pick == 4; });
}

// Mostly 0, else below `end`.
template <class Number>
rc::Gen<std::uint8_t> seldomBelow(Number end) {
  return rc::gen::map(below(4 * static_cast<std::uint8_t>(end)), [end](std::uint8_t pick) {
    return pick < static_cast<std::uint8_t>(end) ? pick : std::uint8_t{0};
  });
}

// 0 half of the time, else below `end`.
template <class Number>
rc::Gen<std::uint8_t> halfBelow(Number end) {
  return rc::gen::map(below(2 * static_cast<std::uint8_t>(end)), [end](std::uint8_t pick) {
    return pick < static_cast<std::uint8_t>(end) ? pick : std::uint8_t{0};
  });
}

// As many as the size lets there be, up to `longest`: the first histories of a run are short.
template <class Event>
rc::Gen<std::vector<Event>> someEvents(std::size_t longest, rc::Gen<Event> event) {
  return rc::gen::withSize([longest, event = std::move(event)](int size) {
    return rc::gen::resize(static_cast<int>(longest) * size / rc::kNominalSize,
                           rc::gen::container<std::vector<Event>>(event));
  });
}

}  // namespace barevip::history
