// SPDX-License-Identifier: Apache-2.0
// A tar.gz file, by libarchive.
#pragma once

#include <memory>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"

namespace barevip::cli {

/// Nobody but the user may read it: it says much of a cluster. Until finish() it has another name,
/// and whoever does not come that far leaves no file, but for one that is killed. One thread.
class Archive {
 public:
  /// made: the time of all files in it.
  [[nodiscard]] static Result<Archive> create(const std::string& file, WallTime made);

  Archive(Archive&& other) noexcept;
  Archive& operator=(Archive&& other) noexcept;
  ~Archive();

  /// path: in the archive.
  Result<void> add(const std::string& path, const std::string& text);
  /// Replaces a file of that name.
  Result<void> finish();

 private:
  class Writer;
  explicit Archive(std::unique_ptr<Writer> writer);
  std::unique_ptr<Writer> writer_;
};

}  // namespace barevip::cli
