// SPDX-License-Identifier: Apache-2.0
#include "operator/selftest.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "barevip/model/pool.h"

#include "assigner/allocation/service_status.h"
#include "common/base/stop_at.h"
#include "operator/patient_api.h"
#include "operator/selftest_objects.h"
#include "operator/session/lists.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 500ms;
constexpr int kAnswers = 3;
// For the Service to go, whatever happened before.
constexpr std::chrono::milliseconds kMostCleanup = 20s;

std::string seconds(std::chrono::nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(time).count());
  return text;
}

std::string withPort(const IpAddress& address) {
  const std::string text = address.toString();
  return (address.isIpv4() ? text : "[" + text + "]") + ":" + std::to_string(kSelftestPort);
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \r\n\t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r\n\t") - begin + 1);
}

class Selftest {
 public:
  Selftest(kube::Api& api, const Clock& clock, const SelftestOptions& options, const Fetch& fetch,
           const std::function<void(const std::string&)>& say)
      : api_(api, clock),
        clock_(clock),
        options_(options),
        key_{options.ns, kSelftestService},
        fetch_(fetch),
        say_(say),
        end_(clock.now() + options.timeout),
        cleanupTime_(std::min(kMostCleanup, options.timeout / 4)),
        stepBegin_(clock.now()) {}

  Result<void> run(const std::stop_token& stop) {
    Result<void> result;
    {
      const StopAt work(clock_, end_ - cleanupTime_, stop);
      result = test(work.token());
    }
    if (!result && stop.stop_requested()) {
      result = fail(ErrorCode::kStopped, "the selftest was stopped before its end");
    }
    if (!mayExist_) return result;
    // A token of its own: the Service goes after a stop, too.
    const StopAt last(clock_, clock_.now() + cleanupTime_, {});
    stepBegin_ = clock_.now();
    const auto removed = removeService(last.token());
    return result ? removed : result;
  }

 private:
  void done(const std::string& what) {
    const MonotonicTime now = clock_.now();
    say_("ok: " + what + " (" + seconds(now - stepBegin_) + ")");
    stepBegin_ = now;
  }
  [[nodiscard]] std::string serviceText() const { return "Service " + key_.toString(); }
  static tl::unexpected<Error> failed(const std::string& sentence) {
    return fail(ErrorCode::kUnavailable, sentence);
  }

  Result<void> test(const std::stop_token& stop) {
    if (auto ready = removeLeftover(stop); !ready) return ready;
    if (auto created = create(stop); !created) return created;
    const auto addresses = waitForAddresses(stop);
    if (!addresses) return tl::make_unexpected(addresses.error());
    for (const IpAddress& address : *addresses) {
      if (auto announced = waitForAnnouncer(address, stop); !announced) return announced;
    }
    for (const IpAddress& address : *addresses) {
      if (auto answered = fetchOwnName(address, stop); !answered) return answered;
    }
    return {};
  }

  Result<void> removeLeftover(const std::stop_token& stop) {
    const auto old = getService(api_, key_, stop);
    if (!old && old.error().code == ErrorCode::kNotFound) return {};
    if (!old) return failed("cannot read " + serviceText() + ": " + old.error().message);
    if (!old->labels.contains(kSelftestLabel)) {
      return failed(serviceText() + " exists and no selftest made it: delete or rename it");
    }
    uid_ = old->uid;
    if (auto removed = removeService(stop); !removed) return removed;
    uid_.clear();
    return {};
  }

  Result<void> create(const std::stop_token& stop) {
    mayExist_ = true;
    auto service = createSelftestService(api_, options_, stop);
    // The answer to an earlier request of ours may have been lost.
    if (!service && service.error().code == ErrorCode::kAlreadyExists) {
      service = getService(api_, key_, stop);
      mayExist_ = service && service->labels.contains(kSelftestLabel);
      if (service && !mayExist_) return failed(serviceText() + " was created by something else");
    }
    if (!service) return failed("cannot create " + serviceText() + ": " + service.error().message);
    uid_ = service->uid;
    done("created " + serviceText());
    return {};
  }

  Result<std::vector<IpAddress>> waitForAddresses(const std::stop_token& stop) {
    std::optional<model::Service> service;
    do {
      auto live = getService(api_, key_, stop);
      if (!live && service) break;  // the time ended in the middle of this look
      if (!live) return failed("cannot read " + serviceText() + ": " + live.error().message);
      service = std::move(*live);
      std::vector<IpAddress> addresses;
      std::string text;
      for (const auto& ingress : service->ingress) {
        const auto address = IpAddress::parse(ingress.ip);
        if (!address) continue;
        addresses.push_back(*address);
        text += (text.empty() ? "" : " and ") + address->toString();
      }
      if (!addresses.empty()) {
        done(serviceText() + " got " + text);
        return addresses;
      }
    } while (pauseFor(clock_, kPause, stop));
    return failed(explainNoAddress(*service));
  }

  [[nodiscard]] std::string explainNoAddress(const model::Service& service) {
    std::string text = serviceText() + " got no address in time: ";
    const model::Condition* const condition =
        model::findCondition(service.conditions, assigner::kAddressAssigned);
    text += condition == nullptr
                ? "it has no condition " + std::string(assigner::kAddressAssigned) +
                      ", so no barevip-operator serves it. See `kubectl get pods -A -l "
                      "app.kubernetes.io/name=barevip-operator`; with --require-class give --class "
                      "here"
                : condition->type + " is " + condition->status + ", " + condition->reason + ": " +
                      condition->message;
    const StopAt briefly(clock_, clock_.now() + cleanupTime_ / 4, {});
    const auto pools = listPools(api_, briefly.token());
    if (pools && pools->empty()) {
      text +=
          ". There is no Pool: write your addresses into deploy/examples/pool.yaml and run "
          "`kubectl apply -f deploy/examples/pool.yaml`";
    }
    return text;
  }

  Result<void> waitForAnnouncer(const IpAddress& address, const std::stop_token& stop) {
    std::string pool;
    do {
      const auto ipObjects = listIpObjectsIn(api_, options_.ns, stop);
      if (!ipObjects && !stop.stop_requested()) {
        return failed("cannot list IP objects: " + ipObjects.error().message);
      }
      if (!ipObjects) break;
      for (const model::IpObject& ipObject : *ipObjects) {
        if (ipObject.status.address != address.toString()) continue;
        pool = ipObject.status.pool;
        if (ipObject.status.node.empty()) continue;
        done("node " + ipObject.status.node + " announces " + address.toString());
        return {};
      }
      if (!pool.empty() && leavesAnnouncingToOthers(pool, stop)) {
        done("Pool " + pool + " leaves announcing " + address.toString() + " to others");
        return {};
      }
    } while (pauseFor(clock_, kPause, stop));
    if (pool.empty()) {
      return failed("no IP object in namespace " + options_.ns + " records " + address.toString() +
                    ": another load balancer gave it, or the operator cannot write IP objects");
    }
    return failed("no node announces " + address.toString() +
                  ". See `kubectl get pods -A -l app.kubernetes.io/name=barevip-node` and the "
                  "announce section of Pool " +
                  pool);
  }

  [[nodiscard]] bool leavesAnnouncingToOthers(const std::string& name,
                                              const std::stop_token& stop) {
    const auto pools = listPools(api_, stop);
    return pools && std::any_of(pools->begin(), pools->end(), [&](const model::Pool& pool) {
             return pool.key.name == name && pool.announce.mode == model::AnnounceMode::kNone;
           });
  }

  Result<void> fetchOwnName(const IpAddress& address, const std::stop_token& stop) {
    int good = 0;
    std::string last = "no answer came in time";
    while (!stop.stop_requested()) {
      const auto body = fetch_(address, kSelftestPort, stop);
      if (body && trimmed(*body) == options_.pod) {
        if (++good < kAnswers) continue;
        done(withPort(address) + " answered " + std::to_string(kAnswers) + " times");
        return {};
      }
      good = 0;
      if (body) {
        last = "it answered \"" + trimmed(*body).substr(0, 80) + "\" instead of \"" + options_.pod +
               "\", so another machine has the address or another pod the label " +
               options_.labelKey + "=" + options_.labelValue;
      } else if (body.error().code != ErrorCode::kStopped) {
        last = body.error().message;
      }
      pauseFor(clock_, kPause, stop);
    }
    return failed(withPort(address) + " does not lead to this pod: " + last +
                  ". See docs/troubleshooting.md to find the cause");
  }

  /// And waits until its IP objects are gone. Without a uid whatever has the name goes.
  Result<void> removeService(const std::stop_token& stop) {
    const auto removed = api_.remove(kube::kServices, key_, uid_, stop);
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      return failed("cannot delete " + serviceText() + ": " + removed.error().message +
                    ". Delete it by: kubectl -n " + key_.ns + " delete service " + key_.name);
    }
    std::string left;
    do {
      std::string found;
      const auto service = getService(api_, key_, stop);
      if (service && service->uid == uid_) found = serviceText();
      const auto ipObjects = listIpObjectsIn(api_, options_.ns, stop);
      if (ipObjects) {
        for (const model::IpObject& ipObject : *ipObjects) {
          if (ipObject.serviceOwner && ipObject.serviceOwner->uid == uid_) {
            found += (found.empty() ? "IP object " : ", IP object ") + ipObject.key.toString();
          }
        }
      } else if (ipObjects.error().code == ErrorCode::kNotFound) {
        left = std::move(found);
        break;  // without the CustomResourceDefinition there are none
      } else if (!left.empty()) {
        continue;  // as in the middle of the last look when the time ends: the one before counts
      } else {
        found = "what cannot be seen: " + ipObjects.error().message;
      }
      left = std::move(found);
      if (left.empty()) break;
    } while (pauseFor(clock_, kPause, stop));
    if (!left.empty()) {
      return failed("deleted " + serviceText() + ", but this is left: " + left);
    }
    done("deleted " + serviceText() + ", and its IP objects are gone");
    return {};
  }

  PatientApi api_;
  const Clock& clock_;
  const SelftestOptions& options_;
  const kube::ObjectKey key_;
  const Fetch& fetch_;
  const std::function<void(const std::string&)>& say_;
  const MonotonicTime end_;
  const std::chrono::milliseconds cleanupTime_;
  MonotonicTime stepBegin_;
  bool mayExist_ = false;
  std::string uid_;  ///< of the Service; empty: not known
};

}  // namespace

Result<void> selftest(kube::Api& api, const Clock& clock, const SelftestOptions& options,
                      const Fetch& fetch, const std::function<void(const std::string& line)>& say,
                      const std::stop_token& stop) {
  return Selftest(api, clock, options, fetch, say).run(stop);
}

}  // namespace barevip::controlplane
