// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/ip_tables_kernel.h"

// The kernel's headers define the same where they come first.
// clang-format off
#include <netinet/in.h>
// clang-format on

#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"
#include "common/base/text_file.h"
#include "ipvsnode/filter/ip_tables.h"

namespace barevip::host {

namespace {

constexpr const char* kLockPath = "/run/xtables.lock";
constexpr int kLockAttempts = 100;
constexpr std::chrono::milliseconds kLockPause{50};
constexpr int kReadAttempts = 10;

// Both families have the same structures but for the entries, and the same numbers of calls.
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo) &&
              offsetof(ipt_get_entries, entrytable) == offsetof(ip6t_get_entries, entrytable) &&
              offsetof(ipt_replace, entries) == offsetof(ip6t_replace, entries));

using Edit = Result<IpTableEdit> (*)(const IpTable&);

/// For the kernel's structures that end in an array without a size: ISO C++ has no initializer of
/// such an array.
template <class T>
T zeroes() {
  T value;
  std::memset(&value, 0, sizeof(value));
  return value;
}

/// The tables of one family, through a socket of the calling thread's namespace.
class Kernel {
 public:
  static Result<Kernel> open(Family family) {
    const bool ipv4 = family == Family::kIpv4;
    FileDescriptor socket(
        ::socket(ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!socket.valid()) {
      return tl::make_unexpected(systemError("cannot open a socket for ip_tables", errno));
    }
    return Kernel(family, std::move(socket));
  }

  Result<IpTable> read(const std::string& name) {
    for (int attempt = 1;; ++attempt) {
      ipt_getinfo info{};
      copyName(info.name, name);
      socklen_t size = sizeof(info);
      if (::getsockopt(socket_.get(), level_, IPT_SO_GET_INFO, &info, &size) != 0) {
        return failed("read", name);
      }
      std::vector<std::byte> answer(offsetof(ipt_get_entries, entrytable) + info.size);
      std::memcpy(answer.data() + offsetof(ipt_get_entries, name), info.name, sizeof(info.name));
      std::memcpy(answer.data() + offsetof(ipt_get_entries, size), &info.size, sizeof(info.size));
      size = static_cast<socklen_t>(answer.size());
      if (::getsockopt(socket_.get(), level_, IPT_SO_GET_ENTRIES, answer.data(), &size) != 0) {
        // Its size has changed in between.
        if (errno == EAGAIN && attempt < kReadAttempts) continue;
        return failed("read", name);
      }
      IpTable table{family_, name, info.valid_hooks, {}, {}, info.num_entries, {}};
      std::copy(std::begin(info.hook_entry), std::end(info.hook_entry), table.hookEntry.begin());
      std::copy(std::begin(info.underflow), std::end(info.underflow), table.underflow.begin());
      table.entries.assign(answer.begin() + offsetof(ipt_get_entries, entrytable), answer.end());
      return table;
    }
  }

  /// `before`: how many entries are to be replaced.
  Result<void> write(const IpTableEdit& edit, std::size_t before) {
    const IpTable& table = edit.table;
    std::vector<xt_counters> counters(before);
    auto header = zeroes<ipt_replace>();
    copyName(header.name, table.name);
    header.valid_hooks = table.validHooks;
    header.num_entries = table.count;
    header.size = static_cast<unsigned>(table.entries.size());
    std::copy(table.hookEntry.begin(), table.hookEntry.end(), std::begin(header.hook_entry));
    std::copy(table.underflow.begin(), table.underflow.end(), std::begin(header.underflow));
    header.num_counters = static_cast<unsigned>(before);
    header.counters = counters.data();
    std::vector<std::byte> request(offsetof(ipt_replace, entries));
    std::memcpy(request.data(), &header, request.size());
    request.insert(request.end(), table.entries.begin(), table.entries.end());
    if (::setsockopt(socket_.get(), level_, IPT_SO_SET_REPLACE, request.data(),
                     static_cast<socklen_t>(request.size())) != 0) {
      return failed("change", table.name);
    }
    return addCounters(edit, counters);
  }

 private:
  Kernel(Family family, FileDescriptor socket)
      : family_(family),
        level_(family == Family::kIpv4 ? static_cast<int>(IPPROTO_IP)
                                       : static_cast<int>(IPPROTO_IPV6)),
        socket_(std::move(socket)) {}

  template <std::size_t N>
  static void copyName(char (&to)[N], const std::string& name) {
    name.copy(to, N - 1);
  }

  /// The kernel begins a new table with zeros.
  Result<void> addCounters(const IpTableEdit& edit, const std::vector<xt_counters>& counters) {
    auto header = zeroes<xt_counters_info>();
    copyName(header.name, edit.table.name);
    header.num_counters = edit.table.count;
    std::vector<xt_counters> now;
    for (const auto& from : edit.from) now.push_back(from ? counters[*from] : xt_counters{});
    std::vector<std::byte> request(offsetof(xt_counters_info, counters));
    std::memcpy(request.data(), &header, request.size());
    const auto* bytes = reinterpret_cast<const std::byte*>(now.data());
    request.insert(request.end(), bytes, bytes + now.size() * sizeof(xt_counters));
    if (::setsockopt(socket_.get(), level_, IPT_SO_SET_ADD_COUNTERS, request.data(),
                     static_cast<socklen_t>(request.size())) != 0) {
      return failed("count in", edit.table.name);
    }
    return {};
  }

  [[nodiscard]] tl::unexpected<Error> failed(const char* what, const std::string& table) const {
    return tl::make_unexpected(
        systemError(std::string("cannot ") + what + " the table " + table +
                        (level_ == IPPROTO_IP ? " of ip_tables" : " of ip6_tables"),
                    errno));
  }

  Family family_;
  int level_;
  FileDescriptor socket_;
};

Result<FileDescriptor> lock() {
  FileDescriptor file(::open(kLockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return tl::make_unexpected(systemError(std::string("cannot open ") + kLockPath, errno));
  }
  for (int attempt = 1; ::flock(file.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK || attempt == kLockAttempts) {
      return tl::make_unexpected(systemError(std::string("cannot lock ") + kLockPath, errno));
    }
    std::this_thread::sleep_for(kLockPause);
  }
  return file;
}

bool inUse(Family family, const std::string& table) {
  const auto names =
      readTextFile(std::string("/proc/thread-self/net/") +
                   (family == Family::kIpv4 ? "ip_tables_names" : "ip6_tables_names"));
  return names && ("\n" + *names + "\n").find("\n" + table + "\n") != std::string::npos;
}

Result<IpTableEdit> tryEdit(Kernel& kernel, const std::string& name, Edit edit,
                            std::size_t& before) {
  const auto table = kernel.read(name);
  if (!table) return tl::make_unexpected(table.error());
  before = table->count;
  return edit(*table);
}

/// Looks without the lock: most of the time there is nothing to do.
Result<std::size_t> changeTable(Family family, const std::string& name, Edit edit) {
  if (!inUse(family, name)) return 0U;
  auto kernel = Kernel::open(family);
  if (!kernel) return tl::make_unexpected(std::move(kernel.error()));
  std::size_t before = 0;
  auto wanted = tryEdit(*kernel, name, edit, before);
  if (!wanted) return tl::make_unexpected(std::move(wanted.error()));
  if (wanted->writes == 0) return 0U;
  const auto held = lock();
  if (!held) return tl::make_unexpected(held.error());
  wanted = tryEdit(*kernel, name, edit, before);
  if (!wanted) return tl::make_unexpected(std::move(wanted.error()));
  if (wanted->writes == 0) return 0U;
  if (auto written = kernel->write(*wanted, before); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }
  return wanted->writes;
}

Result<std::size_t> changeTables(Family family, std::initializer_list<const char*> names,
                                 Edit edit) {
  std::size_t writes = 0;
  for (const char* name : names) {
    const auto changed = changeTable(family, name, edit);
    if (!changed) return changed;
    writes += *changed;
  }
  return writes;
}

Result<std::size_t> ofBoth(Result<std::size_t> (*change)(Family)) {
  const auto ipv4 = change(Family::kIpv4);
  if (!ipv4) return ipv4;
  return change(Family::kIpv6).map([&](std::size_t ipv6) { return *ipv4 + ipv6; });
}

/// The table that kube-proxy fills is not read for nothing: mangle had a chain of ours on each node
/// and loses it last.
Result<std::size_t> removeFormerOf(Family family) {
  if (!inUse(family, "mangle")) return 0U;
  auto kernel = Kernel::open(family);
  if (!kernel) return tl::make_unexpected(std::move(kernel.error()));
  std::size_t before = 0;
  const auto found = tryEdit(*kernel, "mangle", removingFormer, before);
  if (!found) return tl::make_unexpected(found.error());
  if (found->writes == 0) return 0U;
  return changeTables(family, {"nat", "filter", "mangle"}, removingFormer);
}

}  // namespace

Result<std::size_t> letThroughIpTables() {
  return ofBoth([](Family family) { return changeTable(family, "filter", lettingThrough); });
}

Result<std::size_t> takeBackFromIpTables() {
  return ofBoth([](Family family) { return changeTable(family, "filter", takingBack); });
}

Result<std::size_t> removeFormerFromIpTables() { return ofBoth(removeFormerOf); }

}  // namespace barevip::host
