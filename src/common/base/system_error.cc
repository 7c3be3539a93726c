// SPDX-License-Identifier: Apache-2.0
#include "common/base/system_error.h"

#include <cerrno>
#include <system_error>

namespace barevip {

ErrorCode errnoCode(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return ErrorCode::kForbidden;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case EADDRNOTAVAIL:
      return ErrorCode::kNotFound;
    case EINVAL:
    case ERANGE:
      return ErrorCode::kInvalid;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return ErrorCode::kUnsupported;
    case ENOMEM:
    case ENOBUFS:
    case EBUSY:
    case EAGAIN:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kInternal;
  }
}

Error systemError(const std::string& what, int number) {
  const ErrorCode code = number == EROFS ? ErrorCode::kForbidden : errnoCode(number);
  return {code, what + ": " + std::generic_category().message(number), number, {}};
}

}  // namespace barevip
