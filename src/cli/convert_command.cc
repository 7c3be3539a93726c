// SPDX-License-Identifier: Apache-2.0
#include "cli/convert_command.h"

#include <istream>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "cli/convert.h"
#include "cli/manifests_yaml.h"
#include "cli/migration.h"
#include "cli/pools_yaml.h"
#include "common/base/text_file.h"

namespace barevip::cli {
namespace {

constexpr int kMalformed = 1;
constexpr int kNotesAreErrors = 3;

void readSource(const std::string& file, std::istream& in, Sources& sources, Report& report) {
  if (file == "-") {
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    readManifests(text, "standard input", sources, report);
    return;
  }
  const auto text = readTextFile(file);
  if (text) {
    readManifests(*text, file, sources, report);
  } else {
    report.faults.push_back(text.error().message);
  }
}

}  // namespace

int runConvert(const Options& options, std::istream& in, std::ostream& out,
               std::ostream& messages) {
  Sources sources;
  Report report;
  for (const std::string& file : options.files) readSource(file, in, sources, report);
  const std::vector<model::Pool> pools = convert(sources, report);
  for (const std::string& note : report.notes) messages << "note: " << note << "\n";
  for (const std::string& fault : report.faults) messages << "error: " << fault << "\n";
  if (!report.faults.empty()) return kMalformed;
  if (options.strict && !report.notes.empty()) return kNotesAreErrors;
  out << toYaml(pools);
  return 0;
}

}  // namespace barevip::cli
