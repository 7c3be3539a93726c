// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/cleanup.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "barevip/base/clock.h"

#include "common/base/command.h"
#include "common/obs/metrics.h"
#include "ipvsnode/apply/applier.h"
#include "ipvsnode/daemon/other_rules.h"
#include "ipvsnode/filter/packet_filter_nft.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/host_setup.h"
#include "ipvsnode/netlink/ipvs_kernel.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "ipvsnode/plan/diff.h"

namespace barevip::node {
namespace {

/// A node without IPVS has nothing of ours in it.
class NoIpvs final : public ipvs::Kernel {
 public:
  Result<std::vector<ipvs::VirtualServer>> dump() override {
    return std::vector<ipvs::VirtualServer>{};
  }
  Result<std::vector<ipvs::OpResult>> apply(std::span<const ipvs::Op> plan) override {
    return std::vector<ipvs::OpResult>(plan.size(), 0);
  }
  Result<ipvs::Timeouts> timeouts() override { return ipvs::Timeouts{}; }
  Result<void> setTimeouts(const ipvs::Timeouts& /*wish*/) override { return {}; }
};

// The diff against nothing, in the order in which the daemon would withdraw. Virtual servers of the
// node's namespace are ours by the dummy device; those of the director go with it.
Result<void> withdrawAll(std::vector<std::string>& done) {
  auto links = netlink::RtnetlinkSocket::open({.ownDevices = {net::kDummyDevice}});
  if (!links) return tl::make_unexpected(std::move(links.error()));
  NoIpvs none;
  std::optional<netlink::IpvsKernel> ipvs;
  if (auto opened = netlink::IpvsKernel::open()) ipvs.emplace(std::move(*opened));
  const KernelWriters writers{ipvs ? static_cast<ipvs::Kernel&>(*ipvs) : none, *links, nullptr, {}};
  auto kernel = readKernel(writers);
  if (!kernel) return tl::make_unexpected(std::move(kernel.error()));
  kernel->filter = net::FilterState{};
  DiffContext context;
  context.placement = Placement::kHost;
  const Plan plan = diff({}, *kernel, context);
  SystemClock clock;
  obs::Registry metrics;
  Applier applier(writers, clock, metrics);
  const ApplyOutcome outcome = applier.apply(plan.steps, *kernel);
  if (!outcome.stateKnown) return fail(ErrorCode::kUnavailable, outcome.failure);
  for (const Step& step : plan.steps) {
    if (const auto* one = std::get_if<NetStep>(&step)) {
      for (const auto& change : one->changes) {
        done.push_back("removed " + net::toString(change.op.item));
      }
    } else if (const auto* servers = std::get_if<IpvsStep>(&step)) {
      for (const auto& op : servers->ops) done.push_back(ipvs::toString(op));
    }
  }
  if (applier.allWell()) return {};
  return fail(ErrorCode::kUnavailable, "the kernel refused to remove some of it, see above");
}

/// The table has one name whatever the role, and that of the balancer namespace goes with it.
Result<void> clearFilter() {
  SystemCommandRunner runner;
  return host::NftPacketFilter({host::FilterRole::kNode, {}, otherRules()}, runner).clear();
}

}  // namespace

Result<std::vector<std::string>> cleanUp(const Options& options) {
  if (auto may = host::checkInitCapabilities(); !may) {
    return tl::make_unexpected(std::move(may.error()));
  }
  std::vector<std::string> done;
  if (auto withdrawn = withdrawAll(done); !withdrawn) {
    return tl::make_unexpected(std::move(withdrawn.error()));
  }
  if (auto cleared = clearFilter(); !cleared) {
    return tl::make_unexpected(std::move(cleared.error()));
  }
  for (const Placement placement : {Placement::kDirector, Placement::kHost}) {
    auto report = host::tearDownHost({placement, {}, options.namespacePath});
    if (!report) return tl::make_unexpected(std::move(report.error()));
    done.insert(done.end(), report->done.begin(), report->done.end());
  }
  return done;
}

}  // namespace barevip::node
