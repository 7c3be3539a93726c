// SPDX-License-Identifier: Apache-2.0
#include "cli/manifests_yaml.h"

#include <yaml-cpp/yaml.h>

#include <vector>

#include "cli/fields_yaml.h"
#include "cli/metallb_yaml.h"
#include "cli/original_yaml.h"

namespace barevip::cli {
namespace {

std::string describe(const YAML::Exception& problem) {
  if (problem.mark.is_null()) return problem.msg;
  return "line " + std::to_string(problem.mark.line + 1) + ", column " +
         std::to_string(problem.mark.column + 1) + ": " + problem.msg;
}

void readConfigMap(Fields& object, const Origin& origin, Sources& sources, Report& report) {
  Fields data = object.map("data");
  const std::string config = data.text("config");
  if (config.find("address-pools") == std::string::npos) {
    report.note(origin, "is no configuration of MetalLB: left out");
    return;
  }
  try {
    readMetalLbConfig(config, origin, sources, report);
  } catch (const YAML::Exception& problem) {
    report.fault(origin, "data.config is no valid YAML: " + describe(problem));
  }
}

class Reader {
 public:
  Reader(std::string file, Sources& sources, Report& report) : sources_(sources), report_(report) {
    origin_.file = std::move(file);
  }

  void readDocument(const YAML::Node& document) {
    ++origin_.document;
    origin_.item = 0;
    if (document.IsNull()) return;
    if (!document.IsMap() || !document["items"]) {
      readObject(document, {}, {});
      return;
    }
    // A List of kubectl, or one of the API whose items do not repeat what they are.
    origin_.object.clear();
    Fields list(document, "", origin_, report_);
    std::string kind = list.text("kind");
    if (kind.ends_with("List")) kind.resize(kind.size() - 4);
    const std::string apiVersion = list.text("apiVersion");
    if (!document["items"].IsSequence()) {
      report_.fault(origin_, "items is no list: write objects in it that begin with a dash");
      return;
    }
    for (const YAML::Node& item : document["items"]) {
      ++origin_.item;
      readObject(item, apiVersion, kind);
    }
  }

 private:
  void readObject(const YAML::Node& node, std::string apiVersion, std::string kind) {
    origin_.object.clear();
    Fields object(node, "", origin_, report_);
    if (object.has("apiVersion")) apiVersion = object.text("apiVersion");
    if (object.has("kind")) kind = object.text("kind");
    Fields metadata = object.map("metadata");
    const std::string name = metadata.text("name");
    const std::string ns = metadata.text("namespace");
    if (kind.empty() || name.empty()) {
      report_.fault(origin_, "is no Kubernetes object: write apiVersion, kind and metadata.name");
      return;
    }
    origin_.object = kind + " " + (ns.empty() ? name : ns + "/" + name);
    const std::string group = apiVersion.substr(0, apiVersion.find('/'));
    if (group == "metallb.io") {
      readMetalLb(kind, name, object, origin_, sources_, report_);
    } else if (group == "inwinstack.com") {
      readOriginal(kind, name, object, origin_, sources_, report_);
    } else if (apiVersion == "v1" && kind == "ConfigMap") {
      readConfigMap(object, origin_, sources_, report_);
    } else {
      report_.note(origin_, "is neither of MetalLB nor of inwinstack.com: left out");
    }
  }

  Origin origin_;
  Sources& sources_;
  Report& report_;
};

}  // namespace

void readManifests(const std::string& text, const std::string& file, Sources& sources,
                   Report& report) {
  try {
    Reader reader(file, sources, report);
    for (const YAML::Node& document : YAML::LoadAll(text)) reader.readDocument(document);
  } catch (const YAML::Exception& problem) {
    report.faults.push_back(file + ": is no valid YAML: " + describe(problem));
  }
}

}  // namespace barevip::cli
