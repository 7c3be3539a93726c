// SPDX-License-Identifier: Apache-2.0
// The one way in which a failure crosses a module border.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace barevip {

/// What a caller can do about a failure. The finer reason is in the message.
enum class ErrorCode : std::uint8_t {
  kInvalid,        ///< the input is wrong: fix it, do not retry
  kNotFound,       ///< HTTP 404, ENOENT, ESRCH
  kAlreadyExists,  ///< HTTP 409 on create, EEXIST
  kConflict,       ///< HTTP 409 on update: read again, then decide again
  kExpired,        ///< HTTP 410: the resourceVersion is too old, list again
  kForbidden,      ///< HTTP 401 and 403, EPERM, EACCES
  kThrottled,      ///< HTTP 429: wait for retryAfter
  kUnavailable,    ///< no connection, 5xx, cut stream: retry with backoff
  kTimeout,        ///< no answer in time; the outcome is unknown
  kStopped,        ///< the caller's stop_token was set
  kUnsupported,    ///< this kernel or peer cannot do it
  kInternal,       ///< anything else
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;                      ///< one sentence: what, where, how to fix it
  int detail = 0;                           ///< errno or HTTP status, 0 if neither
  std::chrono::milliseconds retryAfter{0};  ///< kThrottled only; 0 if the peer named none
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string message,
                                                int detail = 0) {
  return tl::make_unexpected(Error{code, std::move(message), detail, {}});
}

}  // namespace barevip
