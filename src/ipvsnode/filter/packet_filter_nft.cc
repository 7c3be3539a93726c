// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_nft.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>

namespace barevip::host {

namespace {

constexpr std::chrono::milliseconds kDeadline{20'000};
constexpr const char* kTable = "inet barevip";
constexpr const char* kNoTable = "No such file or directory";  // nft in the locale C

// Spelled as nft 1.0.6 lists it. A UDP packet without a checksum would get a wrong one with its
// port; the checksum of SCTP would have to be made anew for each packet, for its port only.
constexpr const char* kRepliesTable = R"(table inet barevip {
	chain replies {
		type filter hook postrouting priority mangle; policy accept;
		meta l4proto { tcp, udp, sctp } ct direction reply ip saddr set ct original ip daddr
		meta l4proto { tcp, udp, sctp } ct direction reply ip6 saddr set ct original ip6 daddr
		ct direction reply tcp sport set ct original proto-dst
		ct direction reply udp checksum != 0 udp sport set ct original proto-dst
	}
}
)";

// What nothing was translated for is free to be translated by others: the own priority is before
// that of everybody's, dstnat, at which who came last is first.
constexpr const char* kVipsChains = R"(
	chain prerouting {
		type nat hook prerouting priority dstnat - 10; policy accept;
		ip daddr @vips4 dnat ip to ip daddr
		ip6 daddr @vips6 dnat ip6 to ip6 daddr
	}

	chain output {
		type nat hook output priority -110; policy accept;
		ip daddr @vips4 dnat ip to ip daddr
		ip6 daddr @vips6 dnat ip6 to ip6 daddr
	}
}
)";

constexpr const char* setName(Family family) { return family == Family::kIpv4 ? "vips4" : "vips6"; }

std::string elementsOf(Family family, const std::vector<IpAddress>& vips) {
  std::string text;
  for (const IpAddress& vip : vips) {
    if (vip.family() == family) text += (text.empty() ? "" : ", ") + vip.toString();
  }
  return text.empty() ? text : "{ " + text + " }";
}

std::string setText(Family family, const std::vector<IpAddress>& vips) {
  std::string text = std::string("\tset ") + setName(family) + " {\n\t\ttype " +
                     (family == Family::kIpv4 ? "ipv4_addr" : "ipv6_addr") + "\n";
  const std::string elements = elementsOf(family, vips);
  if (!elements.empty()) text += "\t\telements = " + elements + "\n";
  return text + "\t}\n";
}

/// "add element" and the like, for what is in one list and not in the other.
std::string changeText(const char* verb, const std::vector<IpAddress>& of,
                       const std::vector<IpAddress>& notOf) {
  std::vector<IpAddress> some;
  std::set_difference(of.begin(), of.end(), notOf.begin(), notOf.end(), std::back_inserter(some));
  std::string text;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::string elements = elementsOf(family, some);
    if (elements.empty()) continue;
    text +=
        std::string(verb) + " element " + kTable + " " + setName(family) + " " + elements + "\n";
  }
  return text;
}

std::size_t countLines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// One transaction that puts a table in the place of what is there.
std::string replacing(const std::string& table) {
  return std::string("add table ") + kTable + "\ndelete table " + kTable + "\n" + table;
}

/// Blanks of any kind and number are one.
std::string squeezed(std::string_view text) {
  std::string words;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      words += c;
    } else if (!words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  return words;
}

}  // namespace

std::string nftTable(NftRole role, const std::vector<IpAddress>& vips) {
  if (role == NftRole::kReplies) return kRepliesTable;
  return std::string("table ") + kTable + " {\n" + setText(Family::kIpv4, vips) + "\n" +
         setText(Family::kIpv6, vips) + kVipsChains;
}

NftPacketFilter::NftPacketFilter(NftRole role, CommandRunner& runner, std::stop_token stop)
    : role_(role), runner_(runner), stop_(std::move(stop)) {}

Result<void> NftPacketFilter::feed(const std::string& text, bool onlyCheck) {
  Command command{"nft", {"-f", "-"}, text, kDeadline, {}};
  if (onlyCheck) command.arguments.insert(command.arguments.begin(), "--check");
  const auto fed = runSuccessfully(runner_, command, stop_);
  if (!fed) return tl::make_unexpected(fed.error());
  return {};
}

Result<std::string> NftPacketFilter::listing() {
  const Command command{"nft", {"list", "table", "inet", "barevip"}, {}, kDeadline, {}};
  const auto listed = runSuccessfully(runner_, command, stop_);
  if (listed) return squeezed(listed->output);
  if (listed.error().message.find(kNoTable) != std::string::npos) return std::string();
  return tl::make_unexpected(listed.error());
}

Result<void> NftPacketFilter::check() { return feed(replacing(nftTable(role_, {})), true); }

Result<std::size_t> NftPacketFilter::reconcile(const net::FilterState& desired) {
  applied_.reset();
  const std::string table = nftTable(role_, desired.vips);
  const auto found = listing();
  if (!found) return tl::make_unexpected(found.error());
  std::size_t writes = 0;
  if (*found != squeezed(table) && (*found != shown_ || table != written_)) {
    if (const auto fed = feed(replacing(table)); !fed) return tl::make_unexpected(fed.error());
    auto shown = listing();
    if (!shown) return tl::make_unexpected(shown.error());
    shown_ = *std::move(shown);
    written_ = table;
    writes = countLines(table);
  }
  applied_ = desired.vips;
  return writes;
}

Result<std::size_t> NftPacketFilter::update(const net::FilterState& desired) {
  if (!applied_) return reconcile(desired);
  if (role_ == NftRole::kReplies || *applied_ == desired.vips) return 0U;
  const std::string text =
      changeText("add", desired.vips, *applied_) + changeText("delete", *applied_, desired.vips);
  // Most likely somebody removed the table.
  if (!feed(text)) return reconcile(desired);
  applied_ = desired.vips;
  return countLines(text);
}

Result<void> NftPacketFilter::clear() {
  applied_.reset();
  const auto found = listing();
  if (!found) return tl::make_unexpected(found.error());
  if (found->empty()) return {};
  return feed(std::string("delete table ") + kTable + "\n");
}

}  // namespace barevip::host
