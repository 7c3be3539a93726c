// SPDX-License-Identifier: Apache-2.0
// From a stream of bytes to the texts of single JSON objects, without ever holding the whole.
// Any input is safe; what is not JSON is an error or falls to the parser, never undefined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"

namespace barevip::kube {

/// Gets each text in order; valid during the call only. An error ends the feeding and is returned.
using OnText = std::function<Result<void>(std::string_view text)>;

/// Longest text of one object that is taken. etcd refuses objects beyond 1.5 MiB. A longer one is
/// handed out cut, which is not JSON: one odd object must not keep the others away.
inline constexpr std::size_t kMaxObjectText = 4U << 20U;

/// Lines of a watch: one object each, ended by '\n'. Empty lines are left out.
class LineSplitter {
 public:
  explicit LineSplitter(std::size_t maxLine = kMaxObjectText) : maxLine_(maxLine) {}

  Result<void> feed(std::string_view bytes, const OnText& onLine);

  /// True if the stream ended inside a line: it was cut.
  [[nodiscard]] bool hasRest() const { return !rest_.empty(); }

 private:
  std::size_t maxLine_;
  std::string rest_;
};

/// One JSON object with a long list in its member "items": each item that is an object is handed
/// out as it completes, all else is kept as the envelope, in which the list is empty.
class ItemSplitter {
 public:
  explicit ItemSplitter(std::size_t maxItem = kMaxObjectText) : maxItem_(maxItem) {}

  /// kInvalid if the text cannot be such an object, or the envelope is too long. An item that is
  /// too long or nested too deeply is handed out cut.
  Result<void> feed(std::string_view bytes, const OnText& onItem);

  /// The envelope, once the object is complete; kUnavailable if it was cut.
  [[nodiscard]] Result<std::string_view> finish() const;

 private:
  static constexpr std::size_t kMaxDepth = 1000;  // a Kubernetes object has about ten

  void keep(std::string_view text);
  Result<void> take(std::string_view run);
  Result<void> structure(char c, const OnText& onItem);
  Result<void> open(char c);
  Result<void> close(char c, const OnText& onItem);
  Result<void> fits() const;

  std::size_t maxItem_;
  std::string envelope_;
  std::string item_;
  std::string lastString_;  ///< the raw text of the last string outside items, for the key
  std::size_t depth_ = 0;
  bool inString_ = false;
  bool escaped_ = false;
  bool isKey_ = false;   ///< lastString_ was followed by a colon, at depth 1
  bool inList_ = false;  ///< inside the list of items
  bool inItem_ = false;
  bool cut_ = false;  ///< the item's text ends here, whatever follows
  bool complete_ = false;
};

/// The object that the text is; kInvalid with a sentence if it is not one.
[[nodiscard]] Result<nlohmann::json> parseObject(std::string_view text);

/// What names a text that is not an object: its beginning, where the metadata tend to be.
[[nodiscard]] std::string excerpt(std::string_view text);

}  // namespace barevip::kube
