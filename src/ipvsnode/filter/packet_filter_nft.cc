// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_nft.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <string_view>
#include <utility>

namespace barevip::host {

namespace {

constexpr std::chrono::milliseconds kDeadline{20'000};
constexpr const char* kTable = "inet barevip";

// Spelled as nft 1.0.6 lists it. A UDP packet without a checksum would get a wrong one with its
// port; the checksum of SCTP would have to be made anew for each packet, for its port only.
constexpr const char* kDirectorTable = R"(table inet barevip {
	chain replies {
		type filter hook postrouting priority mangle; policy accept;
		meta l4proto { tcp, udp, sctp } ct direction reply ip saddr set ct original ip daddr
		meta l4proto { tcp, udp, sctp } ct direction reply ip6 saddr set ct original ip6 daddr
		ct direction reply tcp sport set ct original proto-dst
		ct direction reply udp checksum != 0 udp sport set ct original proto-dst
	}
}
)";

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

std::string directorTable() { return kDirectorTable; }

NftPacketFilter::NftPacketFilter(CommandRunner& runner, std::stop_token stop)
    : runner_(runner), stop_(std::move(stop)) {}

Result<void> NftPacketFilter::feed(const std::string& text, bool onlyCheck) {
  Command command{"nft", {"-f", "-"}, text, kDeadline, {}};
  if (onlyCheck) command.arguments.insert(command.arguments.begin(), "--check");
  const auto fed = runSuccessfully(runner_, command, stop_);
  if (!fed) return tl::make_unexpected(fed.error());
  return {};
}

Result<std::string> NftPacketFilter::listing() {
  const auto listed =
      runner_.run({"nft", {"list", "table", "inet", "barevip"}, {}, kDeadline, {}}, stop_);
  if (!listed) return tl::make_unexpected(listed.error());
  return listed->status == 0 ? squeezed(listed->output) : std::string();
}

Result<void> NftPacketFilter::check() { return feed(replacing(directorTable()), true); }

Result<std::size_t> NftPacketFilter::reconcile(const net::FilterState& /*desired*/) {
  applied_ = false;
  const std::string table = directorTable();
  const auto found = listing();
  if (!found) return tl::make_unexpected(found.error());
  if (*found == squeezed(table) || (!found->empty() && *found == shown_)) {
    applied_ = true;
    return 0U;
  }
  if (const auto written = feed(replacing(table)); !written) {
    return tl::make_unexpected(written.error());
  }
  auto shown = listing();
  if (!shown) return tl::make_unexpected(shown.error());
  shown_ = *std::move(shown);
  applied_ = true;
  return static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n'));
}

Result<std::size_t> NftPacketFilter::update(const net::FilterState& desired) {
  if (!applied_) return reconcile(desired);
  return 0U;
}

Result<void> NftPacketFilter::clear() {
  applied_ = false;
  const auto found = listing();
  if (!found) return tl::make_unexpected(found.error());
  if (found->empty()) return {};
  return feed(std::string("delete table ") + kTable + "\n");
}

}  // namespace barevip::host
