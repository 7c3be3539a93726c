// SPDX-License-Identifier: Apache-2.0
// What an API server answers that is not an object: logs of pods, what pods serve, its version.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "barevip/base/result.h"
#include "barevip/kube/object_key.h"

#include "common/kube/transport.h"

namespace barevip::kube {

/// Errors are those of Api. Thread-safe.
class Texts {
 public:
  virtual ~Texts() = default;
  /// path: with its query, percent-encoded. The text is what the peer sent, in any encoding.
  virtual Result<std::string> read(const std::string& path, std::stop_token stop) = 0;
};

/// Of a real server. An answer longer than Transport::kMaxBody is an error.
class TextClient final : public Texts {
 public:
  explicit TextClient(std::unique_ptr<Transport> transport);
  Result<std::string> read(const std::string& path, std::stop_token stop) override;

 private:
  std::unique_ptr<Transport> transport_;
};

inline constexpr const char* kVersionPath = "/version";

/// The newest `lines` of a container's log, of these the first `bytes`, with times. previous: of
/// the process before its last restart.
[[nodiscard]] std::string logPath(const ObjectKey& pod, const std::string& container, bool previous,
                                  int lines, std::size_t bytes);

/// What a pod serves at a port by plain HTTP. path begins with "/".
[[nodiscard]] std::string podProxyPath(const ObjectKey& pod, int port, const std::string& path);

}  // namespace barevip::kube
