// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/announced_vips.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "unit/ipvsnode/builders.h"

namespace barevip::node {
namespace {

using namespace test;

const std::string kHead =
    "# HELP barevip_ip_announced 1 for each address that this node announces, by namespace of its "
    "Services.\n# TYPE barevip_ip_announced gauge\n";

std::pair<const IpAddress, DesiredVip> vipOf(const std::string& address,
                                             const std::vector<kube::ObjectKey>& services) {
  DesiredVip vip;
  vip.served.address = ip(address);
  for (const kube::ObjectKey& key : services) {
    model::Service service;
    service.key = key;
    vip.served.services.push_back(std::make_shared<const model::Service>(service));
  }
  return {ip(address), vip};
}

TEST(AnnouncedVips, HaveASeriesForEachNamespaceThatShowsThem) {
  obs::Registry metrics;
  AnnouncedVips announced(metrics);
  EXPECT_EQ(metrics.text(), kHead);
  announced.set({ip("192.0.2.1"), ip("2001:db8::1")},
                {vipOf("192.0.2.1", {{"a", "web"}, {"a", "web-tls"}, {"b", "web"}}),
                 vipOf("192.0.2.2", {{"c", "web"}}), vipOf("2001:db8::1", {{"a", "web"}})});
  EXPECT_EQ(metrics.text(),
            kHead +
                "barevip_ip_announced{namespace=\"a\",address=\"192.0.2.1\"} 1\n"
                "barevip_ip_announced{namespace=\"b\",address=\"192.0.2.1\"} 1\n"
                "barevip_ip_announced{namespace=\"a\",address=\"2001:db8::1\"} 1\n");
  announced.set({}, {vipOf("192.0.2.1", {{"a", "web"}})});
  EXPECT_EQ(metrics.text(), kHead);
}

TEST(AnnouncedVips, HaveNoMoreSeriesThanTheirLimit) {
  obs::Registry metrics;
  AnnouncedVips announced(metrics);
  std::set<IpAddress> addresses;
  std::map<IpAddress, DesiredVip> vips;
  for (std::size_t i = 0; i < AnnouncedVips::kMost + 5; ++i) {
    const std::string address = "10." + std::to_string(i / 250) + ".0." + std::to_string(i % 250);
    addresses.insert(ip(address));
    vips.insert(vipOf(address, {{"a", "web"}}));
  }
  announced.set(addresses, vips);
  const std::string text = metrics.text().substr(kHead.size());
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')),
            AnnouncedVips::kMost);
}

TEST(AnnouncedVips, MayBeAskedForAfterTheirEnd) {
  obs::Registry metrics;
  std::optional<AnnouncedVips> announced(metrics);
  announced.reset();
  EXPECT_EQ(metrics.text(), kHead);
}

}  // namespace
}  // namespace barevip::node
