// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle_command.h"

#include <algorithm>
#include <ostream>
#include <string>

#include "cli/bundle/archive.h"
#include "cli/bundle/collect.h"
#include "cli/bundle/contents.h"
#include "cli/bundle/redact.h"
#include "cli/exit_status.h"
#include "cli/fetch/fetch.h"
#include "cli/print/documents.h"
#include "cli/slow_steps.h"
#include "common/base/rfc3339.h"
#include "view/status.h"

namespace barevip::cli {
namespace {

constexpr const char* kFolder = "barevip-support/";

std::string fileOf(const BundleOptions& options, WallTime now) {
  if (!options.file.empty()) return options.file;
  std::string time = formatSeconds(now);
  time.erase(std::remove_if(time.begin(), time.end(), [](char c) { return c == ':' || c == '-'; }),
             time.end());
  return "barevip-support-" + time + ".tar.gz";
}

/// One bundle: its files, until one cannot be written.
class Bundle {
 public:
  Bundle(kube::Api& api, kube::Texts& texts, const Clock& clock, const Terminal& terminal,
         const std::stop_token& stop)
      : api_(api), texts_(texts), clock_(clock), terminal_(terminal), stop_(stop) {}

  Result<Contents> write(const std::string& file) {
    const WallTime now = clock_.wallNow();
    contents_.made = formatSeconds(now);
    contents_.version = BAREVIP_VERSION;
    auto archive = Archive::create(file, now);
    if (!archive) return tl::make_unexpected(archive.error());
    archive_ = &*archive;
    if (auto ok = fill(); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = add("manifest.txt", manifestOf(contents_)); !ok) {
      return tl::make_unexpected(ok.error());
    }
    if (auto ok = archive->finish(); !ok) return tl::make_unexpected(ok.error());
    return contents_;
  }

 private:
  Result<void> fill() {
    SlowSteps steps(clock_, terminal_.messages);
    const OnStep onStep = [&](const std::string& step) { steps.begin(step); };
    auto ns = collect(api_, texts_,
                      {onStep, [&](const auto& path, const auto& text) { return add(path, text); },
                       [&](const auto& path, const auto& why) { miss(path, why); }},
                      stop_);
    if (!ns) return tl::make_unexpected(ns.error());
    contents_.ns = *ns;
    const auto cluster = fetchCluster(api_, clock_, onStep, stop_);
    if (cluster) return add("status.json", redacted(toJson(statusOf(*cluster, ""))));
    if (stop_.stop_requested()) return tl::make_unexpected(cluster.error());
    miss("status.json", cluster.error().message);
    return {};
  }

  Result<void> add(const std::string& path, const std::string& text) {
    contents_.files.push_back({path, text.size()});
    return archive_->add(kFolder + path, text);
  }

  void miss(const std::string& path, const std::string& why) {
    contents_.gaps.push_back({path, redacted(why)});
  }

  kube::Api& api_;
  kube::Texts& texts_;
  const Clock& clock_;
  const Terminal& terminal_;
  const std::stop_token& stop_;
  Archive* archive_ = nullptr;
  Contents contents_;
};

}  // namespace

int runBundle(const BundleOptions& options, kube::Api& api, kube::Texts& texts, const Clock& clock,
              const Terminal& terminal, const std::stop_token& stop) {
  const std::string file = fileOf(options, clock.wallNow());
  const auto contents = Bundle(api, texts, clock, terminal, stop).write(file);
  if (!contents) {
    terminal.messages << "error: "
                      << (stop.stop_requested() ? "interrupted, so that nothing is written"
                                                : contents.error().message)
                      << "\n";
    return kCannotAsk;
  }
  for (const Contents::Gap& each : contents->gaps) {
    terminal.messages << "note: " << each.path << " is missing: " << each.why << "\n";
  }
  terminal.out << file << " has " << contents->files.size()
               << " files; read it before you send it, manifest.txt first\n";
  return contents->gaps.empty() ? kAllWell : kProblems;
}

}  // namespace barevip::cli
