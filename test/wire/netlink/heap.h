// SPDX-License-Identifier: Apache-2.0
// How much memory this process has allocated.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>

namespace barevip::wire_test {

/// The most that was allocated at once beyond what there was at first; of the C library's
/// allocator, which sanitizers replace.
class HeapPeak {
 public:
  /// False where nothing can be counted.
  [[nodiscard]] bool counts() const { return start_ > 0; }
  /// To be called now and then: it walks the allocator's lists.
  void look() { peak_ = std::max(peak_, inUse()); }
  [[nodiscard]] std::size_t bytes() const { return peak_ - start_; }

 private:
  static std::size_t inUse() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
  }

  std::size_t start_ = inUse();
  std::size_t peak_ = start_;
};

}  // namespace barevip::wire_test
