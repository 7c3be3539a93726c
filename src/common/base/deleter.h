// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace barevip {

/// For std::unique_ptr of what a library of C gives: calls its function that frees it.
template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

}  // namespace barevip
