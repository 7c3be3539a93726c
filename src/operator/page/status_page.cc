// SPDX-License-Identifier: Apache-2.0
#include "operator/page/status_page.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "barevip/kube/store.h"
#include "barevip/model/endpoint_slice.h"

#include "common/base/stop_at.h"
#include "common/kube/reflector.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/node_json.h"
#include "operator/page/web_files.h"
#include "view/daemon_watch.h"

namespace barevip::controlplane {
namespace {

constexpr std::chrono::milliseconds kFirstLook{50};  // while the first lists come in

// The page needs its own files and events, and nothing else: so nothing else can be loaded, run or
// sent to, whatever an object of the cluster is called.
constexpr const char* kHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";

obs::HttpServer::Settings settings() { return {"--status-address", kHeaders, true}; }

std::string cannotRead(const std::string& what, const std::string& unknown,
                       const std::string& resource) {
  return what + " could not be read, so that " + unknown +
         " not known. Check that the role of the operator may list and watch " + resource + ".";
}

}  // namespace

/// What only the page watches.
class PageWatch {
 public:
  PageWatch(kube::Api& api, const Clock& clock, const std::string& ns)
      : slicesReflector_(kube::makeReflector(api, clock, kube::kEndpointSlices, {}, slices,
                                             model::decodeEndpointSlice)),
        leasesReflector_(kube::makeReflector(api, clock, kube::kLeases,
                                             {ns, model::kNodeLeaseLabel, {}}, leases,
                                             model::decodeLease)) {
    slicesReflector_->start();
    leasesReflector_->start();
  }

  kube::Store<model::EndpointSlice> slices;
  kube::Store<model::Lease> leases;
  view::DaemonWatch daemons;

 private:
  std::unique_ptr<kube::Reflector> slicesReflector_;
  std::unique_ptr<kube::Reflector> leasesReflector_;
};

StatusPage::StatusPage(kube::Api& api, const Clock& clock, Stores& stores, Options options,
                       std::function<Leadership()> leadership)
    : api_(api),
      clock_(clock),
      stores_(stores),
      options_(std::move(options)),
      leadership_(std::move(leadership)),
      history_(clock),
      http_(settings()) {
  stores_.ipObjects.addHandler([this](const auto& before, const auto& after) {
    if (before && after) history_.changed(*before, *after);
  });
  for (const WebFile& file : webFiles()) {
    http_.handle(std::string(file.path), [&file] {
      return obs::HttpAnswer{200, std::string(file.text), std::string(file.contentType)};
    });
  }
  http_.handleStream("/events", events_, kMostReaders);
}

Result<std::uint16_t> StatusPage::listen() {
  auto port = http_.start(options_.address);
  if (port) thread_ = std::jthread([this](const std::stop_token& stop) { feed(stop); });
  return port;
}

void StatusPage::feed(const std::stop_token& stop) {
  while (events_.waitForReader(stop)) {
    PageWatch watch(api_, clock_, options_.ns);
    serveReaders(watch, stop);
    events_.clear();
  }
}

void StatusPage::serveReaders(PageWatch& watch, const std::stop_token& stop) {
  const MonotonicTime began = clock_.now();
  MonotonicTime read = began;
  std::string last;
  bool complete = false;
  do {
    const MonotonicTime now = clock_.now();
    complete = now - began > kPatience ||
               (watch.slices.synced() && watch.leases.synced() && stores_.synced());
    if (events_.readers() == 0) {
      if (now - read > kLinger) return;
      // Who comes later must not take what is old for the present.
      events_.clear();
      last.clear();
      continue;
    }
    read = now;
    if (!complete) continue;
    std::string text = toJson(look(watch));
    if (text == last) continue;
    events_.publish("status", text);
    last = std::move(text);
  } while (pauseFor(clock_, complete ? kInterval : kFirstLook, stop));
}

PageState StatusPage::look(PageWatch& watch) const {
  PageState state;
  state.identity = options_.identity;
  state.dashboardUrl = options_.dashboardUrl;
  state.leadership = leadership_();
  state.moves = history_.moves();
  state.movesSince = history_.since();
  state.endpointsKnown = watch.slices.synced();
  if (!stores_.synced()) {
    state.notes.emplace_back(
        "This process has not read the cluster yet, so that nothing is known. Its log names what "
        "the API server answers.");
    return state;
  }
  view::Cluster cluster;
  cluster.state = {stores_.services.all(), watch.slices.all(), stores_.nodes.all(),
                   stores_.ipObjects.all(), stores_.pools.all()};
  cluster.namespaces = stores_.namespaces.all();
  cluster.daemons = watch.daemons.look(watch.leases.all(), clock_.now());
  cluster.rules = options_.rules;
  cluster.leads = state.leadership.leads || !state.leadership.leader.empty();
  const view::Forwarding forwarding = view::forwardingOf(cluster);
  state.status = view::statusOf(cluster, forwarding, "");
  state.traffic = view::trafficOf(cluster, forwarding);
  if (!state.endpointsKnown) {
    state.notes.push_back(cannotRead("The EndpointSlices", "backends are", "endpointslices"));
  }
  const auto& daemons = cluster.daemons;
  if (!watch.leases.synced()) {
    state.notes.push_back(cannotRead("The Leases of the node daemons",
                                     "the state of nodes and the owners of VIPs are", "leases"));
    std::erase_if(state.status.findings, [](const view::Finding& each) {
      return each.kind == "Node" || each.kind == "VIP";
    });
    for (view::NodeRow& node : state.status.nodes) node.daemon = "not known";
  } else if (!daemons.empty() && std::all_of(daemons.begin(), daemons.end(),
                                             [](const auto& each) { return each.silent; })) {
    state.notes.emplace_back(
        "No node daemon was seen to renew its Lease. Either all of them stopped, or this process "
        "hears nothing from the API server.");
  }
  return state;
}

}  // namespace barevip::controlplane
