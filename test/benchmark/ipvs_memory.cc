// SPDX-License-Identifier: Apache-2.0
// How much memory a cold start's plan for IPVS takes on its way to the kernel. The kernel is one in
// this process that answers and keeps nothing.
#include <linux/genetlink.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "ipvsnode/netlink/ipvs_kernel.h"
#include "wire/netlink/ipvs_table.h"
#include "wire/netlink/wire_kernel.h"

namespace {

using barevip::Family;
using barevip::IpAddress;
using barevip::ipvs::Op;

IpAddress addressAt(std::uint32_t number) {
  return *IpAddress::parse("10." + std::to_string(number >> 16U & 0xffU) + "." +
                           std::to_string(number >> 8U & 0xffU) + "." +
                           std::to_string(number & 0xffU));
}

std::vector<Op> coldStart(std::uint32_t services, std::uint32_t endpoints) {
  std::vector<Op> plan;
  plan.reserve(std::size_t{services} * (endpoints + 1));
  for (std::uint32_t service = 0; service < services; ++service) {
    Op op;
    op.kind = Op::Kind::kAddVirtualServer;
    op.virtualServer = {addressAt(service), 80, barevip::ipvs::Protocol::kTcp};
    plan.push_back(op);
    op.kind = Op::Kind::kAddRealServer;
    for (std::uint32_t endpoint = 0; endpoint < endpoints; ++endpoint) {
      op.realServer = {addressAt(service * endpoints + endpoint), 8080};
      plan.push_back(op);
    }
  }
  return plan;
}

/// A line of /proc/self/status, in KiB.
long statusOf(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":"))
      return std::strtol(line.c_str() + field.size() + 1, nullptr, 10);
  }
  return 0;
}

void forgetPeak() { std::ofstream("/proc/self/clear_refs") << 5; }

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int index, std::uint32_t otherwise) {
    return argc > index ? static_cast<std::uint32_t>(std::strtoul(argv[index], nullptr, 10))
                        : otherwise;
  };
  const auto plan = coldStart(number(1, 10'000), number(2, 10));
  barevip::wire_test::IpvsTable table;
  const auto lookup = table.handler();
  const barevip::wire_test::WireKernel wire([&](const barevip::netlink::Received& request) {
    return request.header().nlmsg_type == GENL_ID_CTRL ? lookup(request)
                                                       : barevip::wire_test::Answer{};
  });
  auto kernel = barevip::netlink::IpvsKernel::open(wire.connect());
  if (!kernel) {
    std::cerr << kernel.error().message << '\n';
    return 1;
  }
  forgetPeak();
  const long before = statusOf("VmRSS");
  const auto start = std::chrono::steady_clock::now();
  const auto results = kernel->apply(plan);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (!results) {
    std::cerr << results.error().message << '\n';
    return 1;
  }
  std::cout << "ops " << plan.size() << ", resident KiB before " << before
            << ", peak while sending " << statusOf("VmHWM") << " (+" << statusOf("VmHWM") - before
            << "), seconds " << took.count() << '\n';
  return 0;
}
