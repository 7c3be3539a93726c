// SPDX-License-Identifier: Apache-2.0
// The API server as a process sees it that may die, or lose an answer, between any two writes.
// Other things happen while a write is under way to the server, and while its answer is.
#pragma once

#include <cstddef>
#include <optional>

#include "common/kube/forwarding_api.h"
#include "history/history.h"

namespace barevip::history {

/// Not thread-safe. The server behind it outlives it.
class UnreliableApi final : public kube::ForwardingApi {
 public:
  using ForwardingApi::ForwardingApi;

  /// So many more writes; each call after them is kStopped, as if the process were dead or its
  /// fence were closed. Writes that are under way arrive.
  void dieAfter(std::size_t writes) { lifetime_ = writes; }
  [[nodiscard]] bool dead() const { return lifetime_ && *lifetime_ == 0; }
  void revive() { lifetime_.reset(); }

  /// What befalls the write after so many others.
  void failWrite(std::size_t after, WriteFault fault) { failure_ = Failure{after, fault}; }

 protected:
  Result<void> around(const Request& request, const Send& send) override;

 private:
  struct Failure {
    std::size_t after = 0;
    WriteFault fault = WriteFault::kLost;
  };

  std::optional<std::size_t> lifetime_;
  std::optional<Failure> failure_;
};

}  // namespace barevip::history
