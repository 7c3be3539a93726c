// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/ip_tables.h"

// The kernel's headers define the same where they come first.
// clang-format off
#include <netinet/in.h>
// clang-format on

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "barevip/net/data_path.h"

namespace barevip::host {

namespace {

constexpr std::string_view kFormerPrefix = "BAREVIP-";
constexpr std::string_view kChainHead = XT_ERROR_TARGET;
constexpr int kAccept = -NF_ACCEPT - 1;
constexpr int kDrop = -NF_DROP - 1;

/// Where an entry of a family has what.
struct Layout {
  std::size_t header;      ///< size without matches and target
  std::size_t conditions;  ///< size of addresses, interfaces and protocol, at the begin
  std::size_t target;      ///< offset of the offset of the target
  std::size_t next;        ///< offset of the size of the whole
  std::size_t comefrom;
  std::size_t counters;
  std::size_t in;  ///< offsets of names of interfaces and their masks
  std::size_t inMask;
  std::size_t out;
  std::size_t outMask;
};

constexpr Layout kLayout4{sizeof(ipt_entry),
                          sizeof(ipt_ip),
                          offsetof(ipt_entry, target_offset),
                          offsetof(ipt_entry, next_offset),
                          offsetof(ipt_entry, comefrom),
                          offsetof(ipt_entry, counters),
                          offsetof(ipt_ip, iniface),
                          offsetof(ipt_ip, iniface_mask),
                          offsetof(ipt_ip, outiface),
                          offsetof(ipt_ip, outiface_mask)};
constexpr Layout kLayout6{sizeof(ip6t_entry),
                          sizeof(ip6t_ip6),
                          offsetof(ip6t_entry, target_offset),
                          offsetof(ip6t_entry, next_offset),
                          offsetof(ip6t_entry, comefrom),
                          offsetof(ip6t_entry, counters),
                          offsetof(ip6t_ip6, iniface),
                          offsetof(ip6t_ip6, iniface_mask),
                          offsetof(ip6t_ip6, outiface),
                          offsetof(ip6t_ip6, outiface_mask)};

const Layout& layoutOf(Family family) { return family == Family::kIpv4 ? kLayout4 : kLayout6; }

template <class T>
T at(const std::vector<std::byte>& bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

template <class T>
void put(std::vector<std::byte>& bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

struct Entry {
  std::size_t offset = 0;  ///< in the table that was found
  std::vector<std::byte> bytes;
  std::size_t target = 0;  ///< offset in bytes
  std::string targetName;  ///< empty: a verdict or a jump
  bool goes = false;
};

static_assert(sizeof(xt_standard_target) % alignof(_xt_align) == 0, "as XT_ALIGN would have it");

constexpr std::size_t kTargetName = offsetof(xt_entry_target, u.user.name);
constexpr std::size_t kVerdict = offsetof(xt_standard_target, verdict);
constexpr std::size_t kErrorName = offsetof(xt_error_target, errorname);

std::string text(const std::vector<std::byte>& bytes, std::size_t offset, std::size_t most) {
  std::string name;
  for (std::size_t i = offset; i < std::min(offset + most, bytes.size()); ++i) {
    if (bytes[i] == std::byte{0}) break;
    name += static_cast<char>(bytes[i]);
  }
  return name;
}

std::optional<int> verdictOf(const Entry& entry) {
  if (!entry.targetName.empty()) return std::nullopt;
  return at<int>(entry.bytes, entry.target + kVerdict);
}

/// Name of the chain that begins here.
std::optional<std::string> chainOf(const Entry& entry) {
  if (entry.targetName != kChainHead) return std::nullopt;
  return text(entry.bytes, entry.target + kErrorName, XT_FUNCTION_MAXNAMELEN);
}

/// A table, taken apart, changed and put together again.
class Editor {
 public:
  static Result<Editor> open(const IpTable& table) {
    Editor editor(table);
    const Layout& layout = editor.layout_;
    const std::vector<std::byte>& all = table.entries;
    for (std::size_t offset = 0; offset < all.size();) {
      if (all.size() - offset < layout.header) return invalid(table);
      const std::size_t target = at<std::uint16_t>(all, offset + layout.target);
      const std::size_t size = at<std::uint16_t>(all, offset + layout.next);
      if (target < layout.header || size < target + sizeof(xt_standard_target) ||
          size > all.size() - offset) {
        return invalid(table);
      }
      Entry entry{offset, {}, target, {}, false};
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(offset);
      entry.bytes.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
      entry.targetName = text(entry.bytes, target + kTargetName, XT_EXTENSION_MAXNAMELEN);
      editor.entries_.push_back(std::move(entry));
      offset += size;
    }
    if (editor.entries_.size() != table.count) return invalid(table);
    return editor;
  }

  void removeFormer() {
    std::set<int> begins;
    bool former = false;
    for (Entry& entry : entries_) {
      if (const auto chain = chainOf(entry)) {
        former = chain->starts_with(kFormerPrefix);
        if (former) begins.insert(static_cast<int>(entry.offset + entry.bytes.size()));
      }
      if (former) entry.goes = true;
    }
    for (Entry& entry : entries_) {
      const auto verdict = verdictOf(entry);
      if (verdict && begins.contains(*verdict)) entry.goes = true;
    }
  }

  void takeBack() {
    forEachForwarded([this](Entry& entry) {
      if (isPass(entry)) entry.goes = true;
      return true;
    });
  }

  void letThrough() {
    std::vector<std::vector<std::byte>> missing = passes();
    Entry* wall = nullptr;
    forEachForwarded([&](Entry& entry) {
      if (wall != nullptr) {
        // Rules behind the wall, where they do nothing.
        if (isPass(entry)) entry.goes = true;
      } else if (isWall(entry)) {
        wall = &entry;
      } else {
        std::erase(missing, blank(entry.bytes));
      }
      return true;
    });
    if (wall == nullptr || missing.empty()) return;
    wall_ = wall->offset;
    inserted_ = std::move(missing);
  }

  [[nodiscard]] IpTableEdit take() const {
    IpTableEdit edit{table_, {}, inserted_.size()};
    edit.table.entries.clear();
    std::map<std::size_t, std::size_t> moved;   // offset of an entry -> its new one
    std::map<std::size_t, std::size_t> begins;  // the same, in front of what is inserted there
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      begins[entry.offset] = edit.table.entries.size();
      if (wall_ == entry.offset) {
        for (const auto& rule : inserted_) append(edit, rule, std::nullopt);
      }
      moved[entry.offset] = edit.table.entries.size();
      if (entry.goes) {
        ++edit.writes;
      } else {
        append(edit, entry.bytes, i);
      }
    }
    edit.table.count = static_cast<std::uint32_t>(edit.from.size());
    for (std::size_t hook = 0; hook < IpTable::kHooks; ++hook) {
      if ((table_.validHooks & (1U << hook)) == 0) continue;
      edit.table.hookEntry[hook] = static_cast<std::uint32_t>(begins[table_.hookEntry[hook]]);
      edit.table.underflow[hook] = static_cast<std::uint32_t>(moved[table_.underflow[hook]]);
    }
    moveJumps(edit, moved);
    return edit;
  }

 private:
  explicit Editor(const IpTable& table) : table_(table), layout_(layoutOf(table.family)) {}

  static tl::unexpected<Error> invalid(const IpTable& table) {
    return fail(ErrorCode::kInvalid,
                "the kernel's table " + table.name + " of ip_tables has another form than known");
  }

  static void append(IpTableEdit& edit, const std::vector<std::byte>& bytes,
                     std::optional<std::size_t> from) {
    edit.table.entries.insert(edit.table.entries.end(), bytes.begin(), bytes.end());
    edit.from.push_back(from);
  }

  void moveJumps(IpTableEdit& edit, const std::map<std::size_t, std::size_t>& moved) const {
    std::size_t offset = 0;
    for (const auto& from : edit.from) {
      if (from && entries_[*from].targetName.empty()) {
        const std::size_t where = offset + entries_[*from].target + kVerdict;
        const int verdict = at<int>(edit.table.entries, where);
        const auto to = verdict < 0 ? moved.end() : moved.find(static_cast<std::size_t>(verdict));
        if (to != moved.end()) put(edit.table.entries, where, static_cast<int>(to->second));
      }
      offset += at<std::uint16_t>(edit.table.entries, offset + layout_.next);
    }
  }

  /// The rules of FORWARD, its policy as the last.
  void forEachForwarded(const std::function<bool(Entry&)>& each) {
    if ((table_.validHooks & (1U << NF_INET_FORWARD)) == 0) return;
    for (Entry& entry : entries_) {
      const bool in = entry.offset >= table_.hookEntry[NF_INET_FORWARD] &&
                      entry.offset <= table_.underflow[NF_INET_FORWARD];
      if (in && !each(entry)) return;
    }
  }

  /// Drops or rejects all that comes to it.
  [[nodiscard]] bool isWall(const Entry& entry) const {
    const bool all =
        entry.target == layout_.header &&
        std::all_of(entry.bytes.begin(),
                    entry.bytes.begin() + static_cast<std::ptrdiff_t>(layout_.conditions),
                    [](std::byte byte) { return byte == std::byte{0}; });
    return all && (verdictOf(entry) == kDrop || entry.targetName == "REJECT");
  }

  /// An entry without what the kernel counts and notes in it.
  [[nodiscard]] std::vector<std::byte> blank(std::vector<std::byte> entry) const {
    put(entry, layout_.comefrom, std::uint32_t{0});
    put(entry, layout_.counters, xt_counters{});
    return entry;
  }

  /// -i bvip+ -j ACCEPT, -o bvip+ -j ACCEPT
  [[nodiscard]] std::vector<std::vector<std::byte>> passes() const {
    const std::string_view devices = net::kNodeDevices;  // with the mark of a prefix at the end
    std::vector<std::vector<std::byte>> rules;
    for (const auto& [name, mask] :
         {std::pair(layout_.in, layout_.inMask), std::pair(layout_.out, layout_.outMask)}) {
      xt_standard_target accept{};
      accept.target.u.user.target_size = sizeof(xt_standard_target);
      accept.verdict = kAccept;
      std::vector<std::byte> rule(layout_.header + accept.target.u.user.target_size);
      std::memcpy(rule.data() + name, devices.data(), devices.size() - 1);
      rule[name + devices.size() - 1] = std::byte{'+'};  // as iptables writes it
      std::memset(rule.data() + mask, 0xff, devices.size() - 1);
      put(rule, layout_.target, static_cast<std::uint16_t>(layout_.header));
      put(rule, layout_.next, static_cast<std::uint16_t>(rule.size()));
      put(rule, layout_.header, accept);
      rules.push_back(std::move(rule));
    }
    return rules;
  }

  [[nodiscard]] bool isPass(const Entry& entry) const {
    const auto rules = passes();
    return std::find(rules.begin(), rules.end(), blank(entry.bytes)) != rules.end();
  }

  const IpTable& table_;
  const Layout& layout_;
  std::vector<Entry> entries_;
  std::size_t wall_ = static_cast<std::size_t>(-1);
  std::vector<std::vector<std::byte>> inserted_;
};

Result<IpTableEdit> edited(const IpTable& table, void (Editor::*change)()) {
  auto editor = Editor::open(table);
  if (!editor) return tl::make_unexpected(std::move(editor.error()));
  (*editor.*change)();
  return editor->take();
}

}  // namespace

Result<IpTableEdit> lettingThrough(const IpTable& table) {
  return edited(table, &Editor::letThrough);
}

Result<IpTableEdit> takingBack(const IpTable& table) { return edited(table, &Editor::takeBack); }

Result<IpTableEdit> removingFormer(const IpTable& table) {
  return edited(table, &Editor::removeFormer);
}

}  // namespace barevip::host
