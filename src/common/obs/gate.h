// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace barevip::obs {

/// Decides who may read a page, without keeping the server's thread waiting.
class Gate {
 public:
  struct Verdict {
    int status = 200;      ///< 200: the client may; else that of the reply
    std::string sentence;  ///< why not, with its line end
  };

  virtual ~Gate() = default;

  /// Whether the bearer of this token (RFC 6750; empty: there was none) may read. nullopt: that is
  /// being found out; ask again after onVerdict.
  virtual std::optional<Verdict> ask(const std::string& token) = 0;
  /// Called whenever there are new verdicts, on a thread of the gate. Before the first ask().
  virtual void setOnVerdict(std::function<void()> onVerdict) = 0;
};

}  // namespace barevip::obs
