// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_rtnetlink.h"

#include <algorithm>
#include <cerrno>
#include <type_traits>
#include <utility>
#include <variant>

namespace barevip::fakes {
namespace {

using net::NetObject;

/// The device that the item cannot be without; empty for rules, which may name one that comes
/// later.
std::string deviceOf(const NetObject& item) {
  return std::visit(
      [](const auto& value) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, net::Rule>) {
          return {};
        } else {
          return value.device;
        }
      },
      item);
}

/// The item for which the kernel would answer EEXIST: routes clash by destination and table already
/// (metric and TOS are always 0 here), all else by the whole item.
std::set<NetObject>::iterator inTheWay(const std::set<NetObject>& items, const NetObject& item) {
  const auto* route = std::get_if<net::Route>(&item);
  if (route == nullptr) return items.find(item);
  const auto at = items.lower_bound(net::Route{route->destination, route->table, {}, {}});
  const auto* there = at == items.end() ? nullptr : std::get_if<net::Route>(&*at);
  const bool clash =
      there != nullptr && there->destination == route->destination && there->table == route->table;
  return clash ? at : items.end();
}

}  // namespace

Result<std::vector<NetObject>> FakeRtnetlink::dumpOwned() {
  const std::lock_guard lock(mutex_);
  ++dumps_;
  if (dumpError_) return tl::make_unexpected(*dumpError_);
  return std::vector<NetObject>(owned_.begin(), owned_.end());
}

Result<std::vector<net::BoundAddress>> FakeRtnetlink::dumpAddresses() {
  const std::lock_guard lock(mutex_);
  ++dumps_;
  if (dumpError_) return tl::make_unexpected(*dumpError_);
  std::vector<net::BoundAddress> addresses;
  for (const auto* items : {&owned_, &foreign_}) {
    for (const auto& item : *items) {
      if (const auto* address = std::get_if<net::BoundAddress>(&item)) {
        addresses.push_back(*address);
      }
    }
  }
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

Result<std::vector<int>> FakeRtnetlink::apply(std::span<const net::NetOp> plan) {
  const std::lock_guard lock(mutex_);
  if (applyError_) return tl::make_unexpected(*applyError_);
  const auto failAfter = std::exchange(failAfter_, std::nullopt);
  std::vector<int> results;
  for (const auto& op : plan) {
    if (failAfter && results.size() == *failAfter) return tl::make_unexpected(failAfterError_);
    const int fault = opFault_ ? opFault_(op) : 0;
    results.push_back(fault != 0 ? fault : doOp(op));
    if (fault == 0) writes_.push_back(op);
  }
  if (failAfter) return tl::make_unexpected(failAfterError_);
  return results;
}

int FakeRtnetlink::doOp(const net::NetOp& op) {
  if (op.kind == net::NetOp::Kind::kDelete) {
    owned_.erase(op.item);
    return 0;
  }
  const std::string deviceName = deviceOf(op.item);
  if (!deviceName.empty() && !devices_.contains(deviceName)) return ENODEV;
  if (owned_.contains(op.item)) return 0;
  if (inTheWay(foreign_, op.item) != foreign_.end()) return EEXIST;
  // A route of ours with another gateway gives way, as with NLM_F_REPLACE.
  if (const auto ours = inTheWay(owned_, op.item); ours != owned_.end()) owned_.erase(ours);
  owned_.insert(op.item);
  return 0;
}

Result<net::Device> FakeRtnetlink::device(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = devices_.find(name);
  if (found == devices_.end()) {
    return fail(ErrorCode::kNotFound, "there is no network device " + name, ENODEV);
  }
  return found->second;
}

void FakeRtnetlink::addDevice(net::Device device) {
  const std::lock_guard lock(mutex_);
  devices_[device.name] = std::move(device);
}

void FakeRtnetlink::addDevice(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto index = static_cast<std::uint32_t>(devices_.size()) + 1;
  devices_[name] =
      net::Device{.name = name,
                  .index = index,
                  .up = true,
                  .running = true,
                  .mac = {std::byte{2}, {}, {}, {}, {}, static_cast<std::byte>(index)}};
}

void FakeRtnetlink::removeDevice(const std::string& name) {
  const std::lock_guard lock(mutex_);
  devices_.erase(name);
  const auto onIt = [&](const NetObject& item) { return deviceOf(item) == name; };
  std::erase_if(owned_, onIt);
  std::erase_if(foreign_, onIt);
}

void FakeRtnetlink::addForeign(NetObject item) {
  const std::lock_guard lock(mutex_);
  foreign_.insert(std::move(item));
}

void FakeRtnetlink::addOwned(NetObject item) {
  const std::lock_guard lock(mutex_);
  owned_.insert(std::move(item));
}

void FakeRtnetlink::remove(const NetObject& item) {
  const std::lock_guard lock(mutex_);
  owned_.erase(item);
  foreign_.erase(item);
}

void FakeRtnetlink::setDumpError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  dumpError_ = std::move(error);
}

void FakeRtnetlink::setApplyError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  applyError_ = std::move(error);
}

void FakeRtnetlink::failNextApplyAfter(std::size_t opsDone, Error error) {
  const std::lock_guard lock(mutex_);
  failAfter_ = opsDone;
  failAfterError_ = std::move(error);
}

void FakeRtnetlink::setOpFault(OpFault fault) {
  const std::lock_guard lock(mutex_);
  opFault_ = std::move(fault);
}

std::vector<NetObject> FakeRtnetlink::owned() const {
  const std::lock_guard lock(mutex_);
  return {owned_.begin(), owned_.end()};
}

std::vector<NetObject> FakeRtnetlink::foreign() const {
  const std::lock_guard lock(mutex_);
  return {foreign_.begin(), foreign_.end()};
}

std::vector<net::NetOp> FakeRtnetlink::takeWrites() {
  const std::lock_guard lock(mutex_);
  return std::exchange(writes_, {});
}

std::size_t FakeRtnetlink::dumpCount() const {
  const std::lock_guard lock(mutex_);
  return dumps_;
}

}  // namespace barevip::fakes
