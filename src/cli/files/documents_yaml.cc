// SPDX-License-Identifier: Apache-2.0
#include "cli/files/documents_yaml.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

namespace barevip::cli {
namespace {

// yaml-cpp reads the same document for ever if a text begins with a comma: it takes nothing of it.
class Progress : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_) throw YAML::ParserException(mark, "no document can begin here");
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

}  // namespace

std::string describe(const YAML::Exception& problem) {
  if (problem.mark.is_null()) return problem.msg;
  return "line " + std::to_string(problem.mark.line + 1) + ", column " +
         std::to_string(problem.mark.column + 1) + ": " + problem.msg;
}

std::vector<YAML::Node> documentsIn(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Progress progress;
  while (parser.HandleNextDocument(progress)) {
  }
  return YAML::LoadAll(text);
}

}  // namespace barevip::cli
