// SPDX-License-Identifier: Apache-2.0
#include "operator/uninstall.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "barevip/model/pool.h"

#include "common/base/stop_at.h"
#include "operator/patient_api.h"
#include "operator/pool/pool_writes.h"
#include "operator/session/lists.h"
#include "operator/workloads.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;

constexpr const char* kOperator = "barevip-operator";
constexpr const char* kNode = "barevip-node";
constexpr auto kPause = 500ms;
constexpr std::size_t kMostNames = 10;
constexpr const char* kCleanLater = "kubectl apply -k deploy/cleanup";

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

template <class Names>
std::string joined(const Names& names) {
  std::string text;
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (shown == kMostNames) return text + " and " + std::to_string(names.size() - shown) + " more";
    text += (shown++ == 0 ? "" : ", ") + name;
  }
  return text;
}

std::string seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

/// What the nodes of the DaemonSet's pods look like now.
struct NodesView {
  std::vector<std::string> clean;
  std::vector<std::string> down;     ///< not Ready, or gone
  std::vector<std::string> unclean;  ///< with the reason: the pod failed, or has not come so far
};

// Of several pods of a node the one that came furthest counts.
int progress(const PodView& pod) {
  if (pod.cleanup == PodView::Cleanup::kDone) return 3;
  if (pod.cleanup == PodView::Cleanup::kFailed) return 2;
  return pod.complaint.empty() ? 0 : 1;
}

// Without a list of Ready nodes each counts as Ready.
NodesView viewNodes(const std::set<std::string>& nodes, const std::vector<PodView>& pods,
                    const Result<std::set<std::string>>& ready) {
  std::map<std::string, const PodView*> furthest;
  for (const PodView& pod : pods) {
    const PodView*& slot = furthest[pod.node];
    if (slot == nullptr || progress(pod) > progress(*slot)) slot = &pod;
  }
  NodesView view;
  for (const std::string& node : nodes) {
    const auto found = furthest.find(node);
    const PodView* const pod = found == furthest.end() ? nullptr : found->second;
    if (pod != nullptr && pod->cleanup == PodView::Cleanup::kDone) {
      view.clean.push_back(node);
    } else if (ready && !ready->contains(node)) {
      view.down.push_back(node);
    } else if (pod != nullptr && pod->cleanup == PodView::Cleanup::kFailed) {
      view.unclean.push_back(node + " (cleanup failed: " + pod->complaint + ")");
    } else {
      const std::string why = pod == nullptr ? std::string() : pod->complaint;
      view.unclean.push_back(node + " (" + (why.empty() ? "not done in time" : why) + ")");
    }
  }
  return view;
}

class Uninstall {
 public:
  Uninstall(kube::Api& api, const Clock& clock, const UninstallOptions& options,
            const std::function<void(const std::string&)>& say)
      : api_(api, clock), clock_(clock), options_(options), say_(say), begin_(clock.now()) {}

  Result<void> run(const std::stop_token& stop) {
    // Shares of the time, so that a step that cannot end leaves enough to those after it.
    within(1.0 / 3, stop, [this](const auto& end) { stopOperator(end); });
    within(5.0 / 6, stop, [this](const auto& end) { cleanNodes(end); });
    within(11.0 / 12, stop, [this](const auto& end) {
      releasePools(end);
      removeOwnLeases(end);
    });
    if (api_.answered()) within(1.0, stop, [this](const auto& end) { countKept(end); });
    if (api_.answered()) return {};
    return fail(ErrorCode::kUnavailable,
                "the API server did not answer any request: " + api_.silence().message +
                    ". Check --kubeconfig and the network, and run the command again");
  }

 private:
  void ok(const std::string& line) const { say_("ok: " + line); }
  void warn(const std::string& line) const { say_("warning: " + line); }
  [[nodiscard]] kube::ObjectKey own(const char* name) const { return {options_.ns, name}; }
  [[nodiscard]] std::string inNamespace(const char* kind, const char* name) const {
    return std::string(kind) + " " + options_.ns + "/" + name;
  }

  void within(double share, const std::stop_token& stop,
              const std::function<void(const std::stop_token&)>& step) {
    using Milliseconds = std::chrono::milliseconds;
    const Milliseconds part(
        static_cast<Milliseconds::rep>(share * static_cast<double>(options_.timeout.count())));
    const StopAt end(clock_, begin_ + part, stop);
    step(end.token());
  }

  void stopOperator(const std::stop_token& stop) {
    const auto before = scaleToZero(api_, own(kOperator), stop);
    const bool gone = !before && before.error().code == ErrorCode::kNotFound;
    if (!before && !gone) {
      return warn(
          "could not scale " + inNamespace("Deployment", kOperator) +
          " to 0: " + before.error().message +
          ". A running operator may add finalizers to Pools again; stop it by: kubectl -n " +
          options_.ns + " scale deployment " + kOperator + " --replicas=0");
    }
    const std::string deployment = inNamespace("Deployment", kOperator);
    const std::string what =
        gone           ? deployment + " does not exist"
        : *before == 0 ? deployment + " is scaled to 0"
                       : "scaled " + deployment + " from " + std::to_string(*before) + " to 0";
    std::vector<std::string> left;
    do {
      const auto pods = listPods(api_, options_.ns, kOperator, stop);
      if (!pods && !left.empty()) break;  // the time ended in the middle of this look
      if (!pods) {
        return warn(what +
                    ", but could not see whether its pods are gone: " + pods.error().message);
      }
      left = stillRunning(*pods, listReadyNodes(api_, stop));
      if (left.empty()) return ok(what + ", and none of its pods runs");
    } while (pauseFor(clock_, kPause, stop));
    warn(what + ", but in " + seconds(options_.timeout / 3) +
         " these pods did not end: " + joined(left) +
         ". A running operator may add finalizers to Pools again; end it by: " + "kubectl -n " +
         options_.ns + " delete pod --force " + left.front());
  }

  static std::vector<std::string> stillRunning(const std::vector<PodView>& pods,
                                               const Result<std::set<std::string>>& ready) {
    std::vector<std::string> names;
    for (const PodView& pod : pods) {
      // The pod of a dead node never goes.
      const bool down = !pod.node.empty() && ready && !ready->contains(pod.node);
      if (!pod.finished && !down) names.push_back(pod.name);
    }
    return names;
  }

  void cleanNodes(const std::stop_token& stop) {
    // From before the change on: between the old pod and the new one a node shows none.
    std::set<std::string> nodes;
    const auto collect = [&](const std::vector<PodView>& pods) {
      for (const PodView& pod : pods) {
        if (!pod.node.empty()) nodes.insert(pod.node);
      }
    };
    if (const auto pods = listPods(api_, options_.ns, kNode, stop)) collect(*pods);
    auto mode = enterCleanupMode(api_, own(kNode), stop);
    while (!mode && mode.error().code == ErrorCode::kConflict && pauseFor(clock_, kPause, stop)) {
      mode = enterCleanupMode(api_, own(kNode), stop);
    }
    if (!mode) return sayNotCleaned(mode.error());

    std::optional<NodesView> view;
    do {
      const auto pods = listPods(api_, options_.ns, kNode, stop);
      if (!pods && view) break;  // the time ended in the middle of this look
      if (!pods) {
        return warn("put " + inNamespace("DaemonSet", kNode) +
                    " into cleanup mode, but could not see its pods: " + pods.error().message +
                    ". When the DaemonSet is deleted, clean the nodes by: " + kCleanLater);
      }
      collect(*pods);
      view = viewNodes(nodes, *pods, listReadyNodes(api_, stop));
      if (view->unclean.empty() && nodes.size() >= mode->desiredPods) break;
    } while (pauseFor(clock_, kPause, stop));
    sayCleaned(*view, std::max(nodes.size(), mode->desiredPods));
  }

  void sayNotCleaned(const Error& error) const {
    if (error.code == ErrorCode::kNotFound) {
      return warn(inNamespace("DaemonSet", kNode) +
                  " does not exist, so no node was cleaned. If barevip-node ran there before, a "
                  "reboot of the nodes removes what it made, and so does: " +
                  kCleanLater);
    }
    warn("could not put " + inNamespace("DaemonSet", kNode) + " into cleanup mode: " +
         error.message + ". When the DaemonSet is deleted, clean the nodes by: " + kCleanLater);
  }

  void sayCleaned(const NodesView& view, std::size_t all) const {
    const std::string done = "removed what barevip made from " + std::to_string(view.clean.size()) +
                             " of " + counted(all, "node");
    if (view.clean.size() == all) return ok(done);
    std::vector<std::string> rest = view.unclean;
    for (const std::string& node : view.down) rest.push_back(node + " (not Ready)");
    const std::size_t known = view.clean.size() + rest.size();
    if (known < all) rest.push_back(std::to_string(all - known) + " without a pod");
    warn(done + "; not from " + joined(rest) +
         ". A reboot of a node removes the rest, and so does: " + kCleanLater);
  }

  void releasePools(const std::stop_token& stop) {
    const std::string finalizer(model::kPoolFinalizer);
    std::set<std::string> released;
    Error cause;
    while (true) {
      const auto pools = listPools(api_, stop);
      if (!pools && pools.error().code == ErrorCode::kNotFound) {
        return ok("there are no Pools: their CustomResourceDefinition does not exist");
      }
      if (!pools) return sayNotReleased({}, pools.error());
      std::set<std::string> left;
      bool conflicts = false;
      for (const model::Pool& pool : *pools) {
        std::vector<std::string> others = pool.finalizers;
        if (std::erase(others, finalizer) == 0) continue;
        const auto patched = patchPoolFinalizers(api_, pool, others, stop);
        if (patched || patched.error().code == ErrorCode::kNotFound) {
          released.insert(pool.key.name);
        } else {
          left.insert(pool.key.name);
          // That the time is over tells less than what took it.
          if (patched.error().code != ErrorCode::kTimeout || cause.message.empty()) {
            cause = patched.error();
          }
          conflicts = patched.error().code == ErrorCode::kConflict;
        }
      }
      if (left.empty()) break;
      if (!conflicts || !pauseFor(clock_, kPause, stop)) {
        return sayNotReleased(left, cause);
      }
    }
    ok(released.empty()
           ? "no Pool has the finalizer " + finalizer
           : "removed the finalizer " + finalizer + " from " + counted(released.size(), "Pool"));
  }

  void sayNotReleased(const std::set<std::string>& pools, const Error& error) const {
    warn("could not remove the finalizer " + std::string(model::kPoolFinalizer) + " from " +
         (pools.empty() ? "the Pools" : "the Pools " + joined(pools)) + ": " + error.message +
         ". Without the operator they cannot be deleted; release each by: kubectl patch pool NAME "
         "--type=merge -p '{\"metadata\":{\"finalizers\":null}}'");
  }

  void removeOwnLeases(const std::stop_token& stop) {
    const auto removed = removeLeases(api_, options_.ns, stop);
    if (!removed) {
      return warn("could not remove the Leases in the namespace " + options_.ns + ": " +
                  removed.error().message +
                  ". Nothing uses them; remove them by: kubectl delete leases -n " + options_.ns +
                  " --all");
    }
    if (*removed > 0) ok("removed " + counted(*removed, "Lease"));
  }

  void countKept(const std::stop_token& stop) {
    const auto pools = listPools(api_, stop);
    const auto ipObjects = listIpObjects(api_, {}, stop);
    std::vector<std::string> objects;
    std::string names;
    const auto add = [&](const auto& listed, const char* what, const char* crd) {
      if (!listed && listed.error().code == ErrorCode::kNotFound) return;
      objects.push_back(listed ? counted(listed->size(), what)
                               : std::string(what) + "s that could not be counted");
      names += std::string(" ") + crd;
    };
    add(pools, "Pool", "pools.barevip.dev");
    add(ipObjects, "IP object", "ips.barevip.dev");
    if (objects.empty()) return say_("kept: nothing");
    std::string text = objects.front();
    if (objects.size() > 1) text += " and " + objects.back();
    say_("kept: " + counted(objects.size(), "CustomResourceDefinition") + " with " + text +
         ", so that a new install restores the addresses; remove them by: kubectl delete crd" +
         names);
  }

  PatientApi api_;
  const Clock& clock_;
  const UninstallOptions& options_;
  const std::function<void(const std::string&)>& say_;
  const MonotonicTime begin_;
};

}  // namespace

Result<void> uninstall(kube::Api& api, const Clock& clock, const UninstallOptions& options,
                       const std::function<void(const std::string& line)>& say,
                       const std::stop_token& stop) {
  return Uninstall(api, clock, options, say).run(stop);
}

}  // namespace barevip::controlplane
