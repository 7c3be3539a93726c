// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/eventfd.h>

#include <stop_token>
#include <utility>

#include "common/base/file_descriptor.h"

namespace barevip {

/// Makes a descriptor readable when the token is set, so that a poll wakes.
class StopEvent {
 public:
  explicit StopEvent(std::stop_token stop)
      : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        callback_(std::move(stop), Signal{event_.get()}) {}

  [[nodiscard]] int get() const { return event_.get(); }

 private:
  struct Signal {
    int fd;
    void operator()() const { (void)::eventfd_write(fd, 1); }
  };

  FileDescriptor event_;
  std::stop_callback<Signal> callback_;
};

}  // namespace barevip
