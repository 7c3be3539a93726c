// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <nlohmann/json.hpp>

#include "barevip/kube/object_key.h"

#include "cli/files/pool_files.h"
#include "common/model/meta_json.h"
#include "common/model/pool_json.h"

namespace barevip::cli {

Result<std::vector<model::Pool>> readPools(const std::string& text, const std::string& source) {
  const auto documents = jsonDocuments(text, source);
  if (!documents) return tl::make_unexpected(documents.error());
  std::vector<model::Pool> pools;
  for (const std::string& document : *documents) {
    const auto object = nlohmann::json::parse(document, nullptr, /*allow_exceptions=*/false);
    if (model::stringAt(object, "kind") != kube::kPools.kind ||
        model::stringAt(object, "apiVersion") != kube::kPools.apiVersion()) {
      return fail(ErrorCode::kInvalid, source +
                                           " has an object that is not a Pool: write "
                                           "apiVersion: barevip.dev/v1alpha1 and kind: Pool");
    }
    auto pool = model::decodePool(object);
    if (!pool) return fail(ErrorCode::kInvalid, source + ": " + pool.error().message);
    pools.push_back(*std::move(pool));
  }
  if (pools.empty()) {
    return fail(ErrorCode::kInvalid, source + " is empty: write the Pools to be applied");
  }
  return pools;
}

}  // namespace barevip::cli
