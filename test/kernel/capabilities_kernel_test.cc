// SPDX-License-Identifier: Apache-2.0
// What each capability of the daemon is for: without it the kernel refuses that work.
#include <gtest/gtest.h>
#include <sys/capability.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <type_traits>

#include "ipvsnode/announce/l2/announcer_raw.h"
#include "ipvsnode/host/network_namespace.h"
#include "ipvsnode/netlink/link_setup.h"
#include "kernel/lab_network.h"

namespace barevip::kernel_test {
namespace {

struct FreeCapabilities {
  void operator()(cap_t caps) const { cap_free(caps); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

struct Right {
  std::string name;
  cap_value_t capability;
  std::function<Result<void>()> work;

  friend std::ostream& operator<<(std::ostream& out, const Right& right) {
    return out << right.name;
  }
};

constexpr const char* kNamespace = "/run/netns/capabilities";

template <class T>
Result<void> withoutValue(const Result<T>& result) {
  if (result) return {};
  return tl::make_unexpected(result.error());
}

std::vector<Right> rights() {
  return {
      {"NetAdminForDevices", CAP_NET_ADMIN,
       [] {
         auto setup = netlink::LinkSetup::open();
         return setup ? setup->setUp("lo") : withoutValue(setup);
       }},
      {"NetRawForArpAndNdp", CAP_NET_RAW, [] { return withoutValue(host::RawAnnouncer::open()); }},
      {"SysAdminToEnterTheDirector", CAP_SYS_ADMIN,
       [] { return withoutValue(host::NamespaceThread::start(kNamespace)); }},
  };
}

class Capability : public ::testing::TestWithParam<Right> {
 protected:
  static Result<void> workWithout(const Right& right, bool drop) {
    Result<void> result;
    std::thread([&] {
      if (drop) {
        const Capabilities caps(cap_get_proc());
        ASSERT_EQ(cap_set_flag(caps.get(), CAP_EFFECTIVE, 1, &right.capability, CAP_CLEAR), 0);
        ASSERT_EQ(cap_set_proc(caps.get()), 0);
      }
      result = right.work();
    }).join();
    return result;
  }

  Space space_{"capabilities"};
};

TEST_P(Capability, IsNeeded) {
  const auto with = workWithout(GetParam(), false);
  EXPECT_TRUE(with) << with.error().message;
  const auto without = workWithout(GetParam(), true);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kForbidden) << without.error().message;
}

INSTANTIATE_TEST_SUITE_P(Kernel, Capability, ::testing::ValuesIn(rights()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace barevip::kernel_test
