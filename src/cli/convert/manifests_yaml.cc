// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/manifests_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <vector>

#include "cli/convert/cilium_yaml.h"
#include "cli/convert/fields_yaml.h"
#include "cli/convert/kube_vip_yaml.h"
#include "cli/convert/metallb_yaml.h"
#include "cli/convert/openelb_yaml.h"
#include "cli/convert/original_yaml.h"
#include "cli/convert/purelb_yaml.h"
#include "cli/files/documents_yaml.h"

namespace barevip::cli {
namespace {

// By the group of apiVersion.
struct Format {
  const char* group;
  void (*read)(const std::string& kind, const std::string& name, Fields object,
               const Origin& origin, Sources& sources, Report& report);
};

constexpr std::array kFormats{Format{"metallb.io", readMetalLb}, Format{"cilium.io", readCilium},
                              Format{"purelb.io", readPureLb},
                              Format{"network.kubesphere.io", readOpenElb},
                              Format{"inwinstack.com", readOriginal}};

void readConfigMap(Fields& object, const Origin& origin, Sources& sources, Report& report) {
  Fields data = object.map("data");
  if (isKubeVip(data)) {
    readKubeVip(data, origin, sources, report);
    return;
  }
  const std::string config = data.text("config");
  if (config.find("address-pools") == std::string::npos) {
    report.note(origin, "is not a configuration of a load balancer that is converted: left out");
    return;
  }
  try {
    readMetalLbConfig({YAML::Load(config), "", origin, report}, origin, sources, report);
  } catch (const YAML::Exception& problem) {
    report.fault(origin, "data.config is not valid YAML: " + describe(problem));
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
      report_.fault(origin_, "items is not a list: write objects in it that begin with a dash");
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
    if (kind.empty() && object.has("configInline")) {
      origin_.object = "values of Helm";
      readMetalLbConfig(object.map("configInline"), origin_, sources_, report_);
      return;
    }
    if (kind.empty() || name.empty()) {
      report_.fault(origin_,
                    "is not a Kubernetes object: write apiVersion, kind and metadata.name");
      return;
    }
    origin_.object = kind + " " + (ns.empty() ? name : ns + "/" + name);
    const std::string group = apiVersion.substr(0, apiVersion.find('/'));
    const auto format = std::find_if(kFormats.begin(), kFormats.end(),
                                     [&](const Format& each) { return group == each.group; });
    if (format != kFormats.end()) {
      format->read(kind, name, object, origin_, sources_, report_);
    } else if (apiVersion == "v1" && kind == "ConfigMap") {
      readConfigMap(object, origin_, sources_, report_);
    } else {
      report_.note(origin_, "is of no load balancer that is converted: left out");
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
    for (const YAML::Node& document : documentsIn(text)) reader.readDocument(document);
  } catch (const YAML::Exception& problem) {
    report.faults.push_back(file + ": is not valid YAML: " + describe(problem));
  }
}

}  // namespace barevip::cli
