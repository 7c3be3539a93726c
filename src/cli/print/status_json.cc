// SPDX-License-Identifier: Apache-2.0
#include "view/status_json.h"

#include <nlohmann/json.hpp>

#include "cli/print/documents.h"
#include "cli/print/text_json.h"

namespace barevip::cli {

std::string toJson(const view::Status& status) { return jsonText(documentOf(status)); }

std::string toYaml(const view::Status& status) { return yamlText(documentOf(status)); }

}  // namespace barevip::cli
