// SPDX-License-Identifier: Apache-2.0
#include "cli/convert_command.h"

#include <istream>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include "cli/convert/convert.h"
#include "cli/convert/manifests_yaml.h"
#include "cli/convert/pools_yaml.h"
#include "cli/convert/sources.h"
#include "common/base/text_file.h"

namespace barevip::cli {
namespace {

constexpr int kMalformed = 1;
constexpr int kNotesAreErrors = 3;
constexpr int kLosses = 4;

void print(const std::vector<std::string>& sentences, const char* severity, std::ostream& out) {
  for (const std::string& sentence : sentences) out << severity << ": " << sentence << "\n";
}

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

int runConvert(const ConvertOptions& options, std::istream& in, std::ostream& out,
               std::ostream& messages) {
  Sources sources;
  Report report;
  for (const std::string& file : options.files) readSource(file, in, sources, report);
  const std::vector<model::Pool> pools = convert(sources, report);
  print(report.notes, "note", messages);
  print(report.losses, options.lossy ? "note" : "error", messages);
  print(report.faults, "error", messages);
  if (!report.faults.empty()) return kMalformed;
  if (!report.losses.empty() && !options.lossy) {
    print({"the Pools would serve fewer or announce in fewer places, so none is printed: change "
           "the input, or convert with --lossy and correct the Pools by hand"},
          "error", messages);
    return kLosses;
  }
  if (options.strict && !(report.notes.empty() && report.losses.empty())) return kNotesAreErrors;
  out << toYaml(pools);
  return 0;
}

}  // namespace barevip::cli
