// SPDX-License-Identifier: Apache-2.0
// Whatever an API server sends: the splitters and all decoders take any bytes, in any pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/rfc3339.h"
#include "common/kube/api_status.h"
#include "common/kube/json_lines.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/meta_json.h"
#include "common/model/node_json.h"
#include "common/model/service_json.h"

namespace {

using namespace barevip;

void require(bool holds) {
  if (!holds) std::abort();
}

void decodeAll(const nlohmann::json& object) {
  static_cast<void>(model::decodeService(object));
  static_cast<void>(model::decodeEndpointSlice(object));
  static_cast<void>(model::decodeNode(object));
  static_cast<void>(model::decodeNamespace(object));
  if (const auto lease = model::decodeLease(object)) {
    static_cast<void>(parseRfc3339(lease->renewTime));
    const auto again = model::decodeLease(model::encodeLease(*lease));
    require(again.has_value() && *again == *lease);
  }
  static_cast<void>(kube::errorFromStatus(object));
  const model::Conditions conditions = model::conditionsAt(object);
  const nlohmann::json status = {{"conditions", model::encodeConditions(conditions, WallTime{})}};
  require(model::conditionsAt(status) == conditions);
}

Result<void> consume(std::string_view text, std::vector<std::string>& texts) {
  texts.emplace_back(text);
  const auto object = kube::parseObject(text);
  if (!object) return tl::make_unexpected(object.error());
  decodeAll(*object);
  decodeAll(model::memberOf(*object, "object"));
  return {};
}

// The texts must not depend on where the pieces end.
template <class Splitter>
std::vector<std::string> split(std::string_view bytes, std::size_t piece) {
  Splitter splitter(4096);
  std::vector<std::string> texts;
  while (!bytes.empty()) {
    const std::size_t size = std::min(piece, bytes.size());
    const auto fed = splitter.feed(bytes.substr(0, size),
                                   [&](std::string_view text) { return consume(text, texts); });
    if (!fed) break;
    bytes.remove_prefix(size);
  }
  return texts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + std::size_t{1};
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  require(split<kube::LineSplitter>(bytes, piece) == split<kube::LineSplitter>(bytes, size));
  require(split<kube::ItemSplitter>(bytes, piece) == split<kube::ItemSplitter>(bytes, size));
  static_cast<void>(kube::errorFromAnswer(500, bytes, {}));
  return 0;
}
