// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/ruleset.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <utility>

#include "barevip/net/bind_interfaces.h"
#include "barevip/net/data_path.h"

namespace barevip::host {

namespace {

// Behind conntrack (-200), before mangle (-150): no verdict of a CNI's mangle rules comes first.
constexpr const char* kBeforeMangle = "-175";
constexpr const char* kMangle = "-150";
// Before IPVS takes what is for its virtual servers (98, ip_vs_remote_request4).
constexpr const char* kBeforeIpvs = "-5";
// Before the masquerades of others (100), which would make pods look like the node.
constexpr const char* kBeforeSourceNat = "99";
// What nothing was translated for is free to be translated by others: before everybody's (-100), at
// which who came last is first.
constexpr const char* kBeforeDestinationNat = "-110";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

/// As nft writes marks.
std::string hex(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (unsigned shift = 32; shift != 0; shift -= 4) text += kDigits[(value >> (shift - 4)) & 0xfU];
  return text;
}

Chain baseChain(std::string_view type, std::string_view hook, std::string_view priority,
                std::vector<std::string> rules) {
  return {joined({"type ", type, " hook ", hook, " priority ", priority, "; policy accept;"}),
          std::move(rules)};
}

/// How rules of one family are spelled.
struct Words {
  Family family;
  std::string ip;      ///< of a header
  std::string suffix;  ///< of a set's name
  std::string type;    ///< of an address in a set

  [[nodiscard]] std::string set(std::string_view name) const { return std::string(name) + suffix; }
  [[nodiscard]] std::string server(std::string_view port = "th dport") const {
    return joined({ip, " daddr . meta l4proto . ", port});
  }
  /// That the packet is for an element of a set of virtual servers.
  [[nodiscard]] std::string in(std::string_view name) const {
    return joined({server(), " @", set(name)});
  }
  [[nodiscard]] std::string notIn(std::string_view name) const {
    return joined({server(), " != @", set(name)});
  }
  /// Drops what passes there from sources that loadBalancerSourceRanges does not name.
  [[nodiscard]] std::string guard(std::string_view where) const {
    return joined(
        {where, " ", in("guard"), " ", server(), " . ", ip, " saddr != @", set("allow"), " drop"});
  }
};

const std::array<Words, 2>& bothFamilies() {
  static const std::array<Words, 2> kWords{Words{Family::kIpv4, "ip", "4", "ipv4_addr"},
                                           Words{Family::kIpv6, "ip6", "6", "ipv6_addr"}};
  return kWords;
}

/// Sets the bits of `mark` within the mask of barevip, and leaves all others. nft lists no bit as
/// cleared that is set again.
std::string setMark(std::string_view what, std::uint32_t mark) {
  return joined({what, " set ", what, " & ", hex(~(net::kMarkMask ^ mark)), " | ", hex(mark)});
}

std::string hasMark(std::string_view what, std::uint32_t mark) {
  return joined({what, " & ", hex(net::kMarkMask), " == ", hex(mark)});
}

/// Packets of connections that have the mark get it, too.
std::string restoreMark(std::uint32_t mark) {
  return joined({hasMark("ct mark", mark), " ", setMark("meta mark", mark)});
}

/// nft has no escape for a quotation mark; a last asterisk would match all devices of that prefix.
Result<std::string> quoted(const std::string& device) {
  if (device.find('"') != std::string::npos) {
    return fail(ErrorCode::kInvalid, "the interface " + device +
                                         " has a quotation mark in its name, which nftables cannot "
                                         "match: rename it by `ip link set ... name ...`");
  }
  if (device.ends_with('*')) {
    return joined({"\"", std::string_view(device).substr(0, device.size() - 1), "\\*\""});
  }
  return "\"" + device + "\"";
}

/// A reply gets its source from its connection. IPVS finds the connection of a reply by client and
/// pod alone (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_conn_out_get), so of two from one port of a
/// client to one port of a pod, by two virtual servers, both have the replies of the newer.
/// Connection tracking knows both. A UDP packet without a checksum would get a wrong one with its
/// port; the checksum of SCTP would have to be made anew for each packet, for its port only.
std::vector<std::string> replySources() {
  const std::string withPorts =
      joined({"meta l4proto { ", std::to_string(IPPROTO_TCP), ", ", std::to_string(IPPROTO_UDP),
              ", ", std::to_string(IPPROTO_SCTP), " } "});
  return {withPorts + "ct direction reply ip saddr set ct original ip daddr",
          withPorts + "ct direction reply ip6 saddr set ct original ip6 daddr",
          "ct direction reply tcp sport set ct original proto-dst",
          "ct direction reply udp checksum != 0 udp sport set ct original proto-dst"};
}

std::map<std::string, Chain> directorChains() {
  const std::string outside = joined({"iifname \"", net::kOutside.directorDevice, "\""});
  const std::string inside = joined({"iifname \"", net::kInside.directorDevice, "\""});
  const std::string mark = " meta mark set " + hex(net::kDirectorMasqueradeMark);
  std::vector<std::string> marks{inside + mark, outside + mark};
  std::vector<std::string> guards;
  for (const Words& words : bothFamilies()) {
    marks.push_back(joined({outside, " ", words.in("keep"), " meta mark set ", hex(0)}));
    guards.push_back(words.guard(outside));
  }
  return {{"prerouting", baseChain("filter", "prerouting", kBeforeMangle, std::move(marks))},
          {"input", baseChain("filter", "input", kBeforeMangle, std::move(guards))},
          {"postrouting", baseChain("nat", "postrouting", kBeforeSourceNat,
                                    {joined({"meta mark ", hex(net::kDirectorMasqueradeMark),
                                             " masquerade fully-random"})})},
          {"replies", baseChain("filter", "postrouting", kMangle, replySources())}};
}

/// A packet to a VIP is translated to that VIP before kube-proxy could lead it to the pods of a
/// Service with the VIP in spec.externalIPs, since the first translation of a connection is the
/// only one (net/netfilter/nf_nat_core.c, nf_nat_inet_fn).
std::vector<std::string> vipsToThemselves() {
  std::vector<std::string> rules;
  for (const Words& words : bothFamilies()) {
    rules.push_back(joined(
        {words.ip, " daddr @", words.set("vips"), " dnat ", words.ip, " to ", words.ip, " daddr"}));
  }
  return rules;
}

void append(std::vector<std::string>& rules, const std::vector<std::string>& more) {
  rules.insert(rules.end(), more.begin(), more.end());
}

/// New connections to `what` that come in by each of several interfaces get its mark. Devices are
/// quoted; with one there is nothing to tell apart.
std::vector<std::string> entryRules(const std::vector<std::string>& devices,
                                    std::string_view what) {
  std::vector<std::string> rules;
  if (devices.size() < 2) return rules;
  rules.reserve(devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    rules.push_back(joined({"iifname ", devices[i], " ", what, " ct state new ",
                            setMark("ct mark", net::entryMark(i))}));
  }
  return rules;
}

/// `where` leads to what replies take: they get the mark of the interface by which their connection
/// came in.
std::vector<std::string> entryRestores(const std::vector<std::string>& devices,
                                       std::string_view where) {
  std::vector<std::string> rules;
  if (devices.size() < 2) return rules;
  rules.reserve(devices.size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    rules.push_back(joined({where, " ", restoreMark(net::entryMark(i))}));
  }
  return rules;
}

std::map<std::string, Chain> nodeChains(const std::vector<std::string>& devices) {
  const std::string outside = joined({"\"", net::kOutside.nodeDevice, "\""});
  const std::string restore = restoreMark(net::kReturnMark);
  std::vector<std::string> marks{
      joined({"iifname ", outside, " ct state new ", setMark("ct mark", net::kReturnMark)}),
      joined({"iifname != ", outside, " ", restore})};
  append(marks, entryRestores(devices, "iifname " + outside));
  std::vector<std::string> forward = entryRules(devices, "oifname " + outside);
  std::vector<std::string> masquerades;
  for (const Words& words : bothFamilies()) {
    // Here rather than in the director, where a CNI's masquerade makes pods look like this node.
    // What the node itself sends does not pass.
    forward.push_back(words.guard(joined({"oifname \"", net::kInside.nodeDevice, "\""})));
    // A pod must send its answer to this node, and a pod elsewhere does not know the pair's
    // network.
    const IpAddress& source =
        words.family == Family::kIpv4 ? net::kOutside.director4 : net::kOutside.director6;
    masquerades.push_back(joined({words.ip, " saddr ", source.toString(), " oifname != \"",
                                  nodeDevices(), "\" masquerade fully-random"}));
  }
  return {
      {"prerouting", baseChain("filter", "prerouting", kBeforeMangle, std::move(marks))},
      {"forward", baseChain("filter", "forward", kBeforeMangle, std::move(forward))},
      // Backends in the host's network answer without passing prerouting.
      {"output", baseChain("route", "output", kBeforeMangle, {restore})},
      {"own_vips", baseChain("nat", "output", kBeforeDestinationNat, vipsToThemselves())},
      {"postrouting", baseChain("nat", "postrouting", kBeforeSourceNat, std::move(masquerades))},
      {"vips", baseChain("nat", "prerouting", kBeforeDestinationNat, vipsToThemselves())}};
}

std::map<std::string, Chain> hostChains(const std::vector<std::string>& devices) {
  const std::string mark = " " + setMark("meta mark", net::kMasqueradeMark);
  const std::vector<std::string> restores = entryRestores(devices, "ct direction reply");
  std::string notOutside;
  for (const std::string& device : devices) notOutside += joined({"iifname != ", device, " "});
  std::vector<std::string> in = restores;
  std::vector<std::string> out;
  std::vector<std::string> input;
  for (const Words& words : bothFamilies()) {
    append(in, entryRules(devices, words.in("services")));
    in.push_back(joined({notOutside, words.in("services"), mark}));
    for (const std::string& device : devices) {
      in.push_back(
          joined({"iifname ", device, " ", words.in("services"), " ", words.notIn("keep"), mark}));
    }
    out.push_back(words.in("services") + mark);
    input.push_back(words.guard("iifname != \"lo\""));
  }
  append(out, restores);
  // What the node itself listens on does not answer at a VIP. Ping does, and neighbour discovery
  // must; the node's own requests to a VIP have it as their source, so answers to them pass.
  input.insert(input.end(), {joined({"meta l4proto ", std::to_string(IPPROTO_ICMP), " return"}),
                             joined({"meta l4proto ", std::to_string(IPPROTO_ICMPV6), " return"}),
                             "ct state established,related return"});
  for (const Words& words : bothFamilies()) {
    const std::string vip = joined({words.ip, " daddr @", words.set("vips"), " "});
    input.push_back(joined({vip, words.server("tcp dport"), " != @", words.set("services"),
                            " reject with tcp reset"}));
    input.push_back(
        joined({vip, words.notIn("services"), " reject with ",
                words.family == Family::kIpv4 ? "icmp" : "icmpv6", " port-unreachable"}));
  }
  return {{"prerouting", baseChain("filter", "prerouting", kBeforeMangle, std::move(in))},
          {"output", baseChain("route", "output", kBeforeMangle, std::move(out))},
          {"input", baseChain("filter", "input", kBeforeIpvs, std::move(input))},
          {"postrouting", baseChain("nat", "postrouting", kBeforeSourceNat,
                                    {joined({hasMark("meta mark", net::kMasqueradeMark),
                                             " masquerade fully-random"})})}};
}

/// Whether a rule says the name of a bind interface.
bool namesInterfaces(FilterRole role, std::size_t interfaces) {
  return role == FilterRole::kHost || (role == FilterRole::kNode && interfaces > 1);
}

unsigned numberOf(model::Protocol protocol) { return static_cast<unsigned>(protocol); }

std::string shortest(const IpPrefix& prefix) {
  return prefix.length == prefix.network.bits() ? prefix.network.toString() : prefix.toString();
}

/// The ranges of a VIP's family without those that others contain: the kernel keeps no overlap.
/// `ranges` ascends, so that one that contains others comes before them.
std::vector<IpPrefix> disjoint(const std::vector<IpPrefix>& ranges, Family family) {
  std::vector<IpPrefix> kept;
  for (const IpPrefix& range : ranges) {
    if (range.network.family() != family) continue;
    if (kept.empty() || !kept.back().range().contains(range.network)) kept.push_back(range);
  }
  return kept;
}

/// What goes into a set: a VIP, a virtual server, or one and who may reach it.
struct Element {
  std::string_view set;  ///< without its family
  const IpAddress& vip;
  const ipvs::VirtualServerKey* server = nullptr;
  std::optional<IpPrefix> source{};
};

bool hasVips(FilterRole role) { return role != FilterRole::kDirector; }
bool hasServices(FilterRole role) { return role == FilterRole::kHost; }
bool keepsClients(FilterRole role) { return role != FilterRole::kNode; }

template <class Each>
void forEachElement(FilterRole role, const net::FilterState& state, Each each) {
  if (hasVips(role)) {
    for (const auto& vip : state.vips) each(Element{"vips", vip});
  }
  if (hasServices(role)) {
    for (const auto& key : state.virtualServers) each(Element{"services", key.vip, &key});
  }
  if (keepsClients(role)) {
    for (const auto& key : state.keepClient) each(Element{"keep", key.vip, &key});
  }
  for (const auto& ranges : state.sourceRanges) {
    const ipvs::VirtualServerKey& key = ranges.virtualServer;
    each(Element{"guard", key.vip, &key});
    for (const IpPrefix& allowed : disjoint(ranges.allowed, key.vip.family())) {
      each(Element{"allow", key.vip, &key, allowed});
    }
  }
}

std::string setOf(const Element& element) {
  return std::string(element.set) + (element.vip.isIpv4() ? "4" : "6");
}

std::string textOf(const Element& element) {
  std::string text = element.vip.toString();
  if (element.server != nullptr) {
    text += joined({" . ", std::to_string(numberOf(element.server->protocol)), " . ",
                    std::to_string(element.server->port)});
  }
  if (element.source) text += " . " + shortest(*element.source);
  return text;
}

void append(std::vector<std::byte>& key, const IpAddress& address) {
  const auto bytes = address.bytes();
  key.insert(key.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(address.size()));
}

net::SetChange additionOf(const Element& element) {
  net::SetChange change;
  change.set = setOf(element);
  append(change.key, element.vip);
  if (element.server != nullptr) {
    const auto port = element.server->port;
    for (const unsigned part : {numberOf(element.server->protocol), 0U, 0U, 0U,
                                static_cast<unsigned>(port >> 8U), port & 0xffU, 0U, 0U}) {
      change.key.push_back(static_cast<std::byte>(part));
    }
  }
  if (element.source) {
    change.keyEnd = change.key;
    append(change.key, element.source->range().first);
    append(change.keyEnd, element.source->range().last);
  }
  return change;
}

std::map<std::string, Set> setsOf(FilterRole role, const net::FilterState& state) {
  std::map<std::string, Set> sets;
  for (const Words& words : bothFamilies()) {
    const std::string server = words.type + " . inet_proto . inet_service";
    sets[words.set("guard")] = {server, false, {}};
    sets[words.set("allow")] = {joined({server, " . ", words.type}), true, {}};
    if (keepsClients(role)) sets[words.set("keep")] = {server, false, {}};
    if (hasVips(role)) sets[words.set("vips")] = {words.type, false, {}};
    if (hasServices(role)) sets[words.set("services")] = {server, false, {}};
  }
  forEachElement(role, state, [&sets](const Element& element) {
    sets.at(setOf(element)).elements.insert(textOf(element));
  });
  return sets;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// "a, b, c" into the elements of a set.
void addElements(std::string_view text, Set& set) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view element = trimmed(text.substr(0, comma));
    if (!element.empty()) set.elements.insert(std::string(element));
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

/// "chain NAME {" -> NAME
std::optional<std::string> opened(std::string_view line, std::string_view kind) {
  if (line.size() <= kind.size() + 2) return std::nullopt;
  if (!line.starts_with(kind) || !line.ends_with(" {")) return std::nullopt;
  line.remove_prefix(kind.size());
  line.remove_suffix(2);
  return std::string(line);
}

/// Reads line by line; knows in which block it is.
class Reader {
 public:
  void read(std::string_view line) {
    if (line.empty()) return;
    if (inElements_) {
      readElements(line);
    } else if (line == "}") {
      chain_ = nullptr;
      set_ = nullptr;
    } else if (chain_ != nullptr) {
      if (chain_->hook.empty()) {
        chain_->hook = line;
      } else {
        chain_->rules.emplace_back(line);
      }
    } else if (set_ != nullptr) {
      readSet(line);
    } else if (const auto chain = opened(line, "chain ")) {
      chain_ = &found_.chains[*chain];
    } else if (const auto set = opened(line, "set ")) {
      set_ = &found_.sets[*set];
    } else if (!opened(line, "table ")) {
      found_.others.emplace_back(line);
    }
  }

  Ruleset take() { return std::move(found_); }

 private:
  void readSet(std::string_view line) {
    constexpr std::string_view kType = "type ";
    constexpr std::string_view kElements = "elements = {";
    if (line.starts_with(kType)) {
      set_->type = line.substr(kType.size());
    } else if (line == "flags interval") {
      set_->intervals = true;
    } else if (line.starts_with(kElements)) {
      inElements_ = true;
      readElements(line.substr(kElements.size()));
    } else {
      found_.others.emplace_back(line);
    }
  }

  void readElements(std::string_view text) {
    if (text.ends_with('}')) {
      text.remove_suffix(1);
      inElements_ = false;
    }
    addElements(text, *set_);
  }

  Ruleset found_;
  Chain* chain_ = nullptr;
  Set* set_ = nullptr;
  bool inElements_ = false;
};

std::string list(const std::vector<std::string>& elements) {
  std::string text = "{ ";
  for (const std::string& element : elements) {
    text += text.size() > 2 ? ",\n" : "";
    text += element;
  }
  return text + " }";
}

template <class T>
std::vector<T> difference(const std::vector<T>& all, const std::vector<T>& others) {
  std::vector<T> rest;
  std::set_difference(all.begin(), all.end(), others.begin(), others.end(),
                      std::back_inserter(rest));
  return rest;
}

std::vector<std::string> difference(const std::set<std::string>& all,
                                    const std::set<std::string>& others) {
  std::vector<std::string> rest;
  std::set_difference(all.begin(), all.end(), others.begin(), others.end(),
                      std::back_inserter(rest));
  return rest;
}

/// Source ranges that differ from those of the same virtual server; both ascend by it.
std::vector<net::SourceRanges> difference(const std::vector<net::SourceRanges>& all,
                                          const std::vector<net::SourceRanges>& others) {
  std::vector<net::SourceRanges> rest;
  auto other = others.begin();
  for (const net::SourceRanges& one : all) {
    while (other != others.end() && other->virtualServer < one.virtualServer) ++other;
    if (other == others.end() || !(*other == one)) rest.push_back(one);
  }
  return rest;
}

}  // namespace

std::string nodeDevices() {
  std::string devices = net::kNodeDevices;  // in the words of iptables
  devices.back() = '*';
  return devices;
}

Result<Ruleset> rulesetOf(FilterRole role, const std::vector<std::string>& bindInterfaces,
                          const net::FilterState& state) {
  std::vector<std::string> devices;
  if (namesInterfaces(role, bindInterfaces.size())) {
    devices.reserve(bindInterfaces.size());
    for (const std::string& name : bindInterfaces) {
      auto device = quoted(name);
      if (!device) return tl::make_unexpected(std::move(device.error()));
      devices.push_back(std::move(*device));
    }
  }
  Ruleset ruleset;
  switch (role) {
    case FilterRole::kDirector:
      ruleset.chains = directorChains();
      break;
    case FilterRole::kNode:
      ruleset.chains = nodeChains(devices);
      break;
    case FilterRole::kHost:
      ruleset.chains = hostChains(devices);
      break;
  }
  ruleset.sets = setsOf(role, state);
  return ruleset;
}

Ruleset parseRuleset(std::string_view listing) {
  Reader reader;
  while (!listing.empty()) {
    const std::size_t end = listing.find('\n');
    reader.read(trimmed(listing.substr(0, end)));
    listing.remove_prefix(end == std::string_view::npos ? listing.size() : end + 1);
  }
  return reader.take();
}

NftCommands replacing(const Ruleset& desired) {
  NftCommands commands = removing();
  commands.writes = 0;
  std::string& text = commands.text;
  text += joined({"table ", kFilterTable, " {\n"});
  for (const auto& [name, set] : desired.sets) {
    text += joined({"\tset ", name, " {\n\t\ttype ", set.type, "\n"});
    if (set.intervals) text += "\t\tflags interval\n";
    if (!set.elements.empty()) {
      text += joined({"\t\telements = ", list({set.elements.begin(), set.elements.end()}), "\n"});
    }
    text += "\t}\n";
    commands.writes += 1 + set.elements.size();
  }
  for (const auto& [name, chain] : desired.chains) {
    text += joined({"\tchain ", name, " {\n\t\t", chain.hook, "\n"});
    for (const std::string& rule : chain.rules) text += joined({"\t\t", rule, "\n"});
    text += "\t}\n";
    commands.writes += 1 + chain.rules.size();
  }
  text += "}\n";
  return commands;
}

NftCommands changingElements(const std::map<std::string, Set>& found,
                             const std::map<std::string, Set>& desired) {
  NftCommands commands;
  const auto write = [&commands](std::string_view verb, std::string_view name,
                                 const std::vector<std::string>& elements) {
    if (elements.empty()) return;
    commands.text +=
        joined({verb, " element ", kFilterTable, " ", name, " ", list(elements), "\n"});
    commands.writes += elements.size();
  };
  for (const auto& [name, set] : desired) {
    const std::set<std::string>& there = found.at(name).elements;
    // What goes goes first: an element that comes may overlap it.
    write("delete", name, difference(there, set.elements));
    write("add", name, difference(set.elements, there));
  }
  return commands;
}

net::FilterState without(const net::FilterState& all, const net::FilterState& others) {
  return {difference(all.vips, others.vips), difference(all.virtualServers, others.virtualServers),
          difference(all.keepClient, others.keepClient),
          difference(all.sourceRanges, others.sourceRanges)};
}

NftCommands changingElements(FilterRole role, const net::FilterState& before,
                             const net::FilterState& after) {
  return changingElements(setsOf(role, without(before, after)),
                          setsOf(role, without(after, before)));
}

std::vector<net::SetChange> elementChanges(FilterRole role, const net::FilterState& before,
                                           const net::FilterState& after) {
  const auto additions = [role](const net::FilterState& state) {
    std::vector<net::SetChange> all;
    forEachElement(role, state,
                   [&all](const Element& element) { all.push_back(additionOf(element)); });
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto had = additions(without(before, after));
  const auto wanted = additions(without(after, before));
  // What goes goes first: an element that comes may overlap it.
  std::vector<net::SetChange> changes = difference(had, wanted);
  for (net::SetChange& change : changes) change.add = false;
  const auto come = difference(wanted, had);
  changes.insert(changes.end(), come.begin(), come.end());
  return changes;
}

bool sameFrame(const Ruleset& a, const Ruleset& b) {
  return a.chains == b.chains && a.others == b.others &&
         std::equal(a.sets.begin(), a.sets.end(), b.sets.begin(), b.sets.end(),
                    [](const auto& one, const auto& other) {
                      return one.first == other.first && one.second.type == other.second.type &&
                             one.second.intervals == other.second.intervals;
                    });
}

NftCommands removing() {
  // Without the first line nft fails on a table that is not there.
  return {joined({"add table ", kFilterTable, "\ndelete table ", kFilterTable, "\n"}), 1};
}

}  // namespace barevip::host
