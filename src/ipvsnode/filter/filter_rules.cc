// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/filter_rules.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "barevip/net/bind_interfaces.h"
#include "barevip/net/data_path.h"

namespace barevip::host {

namespace {

constexpr const char* kSetSize = " hashsize 1024 maxelem 262144";

std::string hex(std::uint64_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), value, 16);
  return "0x" + std::string(digits.begin(), end.ptr);
}

std::string masked(std::uint32_t mark, std::uint32_t mask) { return hex(mark) + "/" + hex(mask); }

/// In the director.
std::string masqueradeMark() {
  return masked(net::kDirectorMasqueradeMark, net::kDirectorMasqueradeMark);
}

std::string setName(std::string_view what, Family family) {
  return std::string(kSetPrefix) + std::string(what) + (family == Family::kIpv4 ? "4" : "6");
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

constexpr const char* kMasquerade = "-j MASQUERADE --random-fully";

/// Drops what passes there from sources that loadBalancerSourceRanges does not name.
std::string guardRule(const std::string& where, Family family) {
  return where + " -m set --match-set " + setName("guard", family) +
         " dst,dst -m set ! --match-set " + setName("allow", family) + " dst,dst,src -j DROP";
}

RuleSet directorRules(Family family) {
  const std::string outside = net::kOutside.directorDevice;
  const std::string inside = net::kInside.directorDevice;
  const std::string mark = " -j MARK --set-xmark " + masqueradeMark();
  RuleSet rules;
  rules["mangle"]["BAREVIP-PREROUTING"] = {
      {"PREROUTING"},
      {"-i " + inside + mark,
       "-i " + outside + " -m set ! --match-set " + setName("keep", family) + " dst,dst" + mark}};
  rules["nat"]["BAREVIP-POSTROUTING"] = {
      {"POSTROUTING"}, {"-m mark --mark " + masqueradeMark() + " " + kMasquerade}};
  rules["filter"]["BAREVIP-INPUT"] = {{"INPUT"}, {guardRule("-i " + outside, family)}};
  return rules;
}

std::string entryMark(std::size_t index) { return masked(net::entryMark(index), net::kMarkMask); }

/// `where` leads to what replies take: connections that came in by each interface, by their mark.
void addRestores(const std::string& where, std::size_t interfaces,
                 std::vector<std::string>& rules) {
  for (std::size_t i = 0; i < interfaces; ++i) {
    rules.push_back(where + "-m connmark --mark " + entryMark(i) + " -j MARK --set-xmark " +
                    entryMark(i));
  }
}

/// New connections that come in by each interface get its mark.
std::vector<std::string> entryRules(const std::vector<std::string>& bindInterfaces,
                                    const std::string& what) {
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < bindInterfaces.size(); ++i) {
    rules.push_back("-i " + bindInterfaces[i] + " " + what +
                    "-m conntrack --ctstate NEW -j CONNMARK --set-xmark " + entryMark(i));
  }
  return rules;
}

RuleSet nodeRules(Family family, const std::vector<std::string>& bindInterfaces) {
  const std::string outside = net::kOutside.nodeDevice;
  const std::string devices = net::kNodeDevices;
  const std::string mark = masked(net::kReturnMark, net::kMarkMask);
  const std::string restore = "-m connmark --mark " + mark + " -j MARK --set-xmark " + mark;
  const std::string source = family == Family::kIpv4 ? net::kOutside.director4.toString() + "/32"
                                                     : net::kOutside.director6.toString() + "/128";
  RuleSet rules;
  rules["mangle"]["BAREVIP-PREROUTING"] = {
      {"PREROUTING"},
      {"-i " + outside + " -m conntrack --ctstate NEW -j CONNMARK --set-xmark " + mark,
       "! -i " + outside + " " + restore}};
  // Here rather than in the director, where a CNI's masquerade makes pods look like this node; and
  // in a table where no verdict of others comes first. What the node itself sends does not pass.
  rules["mangle"]["BAREVIP-FORWARD"] = {
      {"FORWARD"}, {guardRule(std::string("-o ") + net::kInside.nodeDevice, family)}};
  // Backends in the host's network answer without passing PREROUTING.
  rules["mangle"]["BAREVIP-OUTPUT"] = {{"OUTPUT"}, {restore}};
  // A pod must send its answer to this node, and a pod elsewhere does not know the pair's network.
  rules["nat"]["BAREVIP-POSTROUTING"] = {{"POSTROUTING"},
                                         {"-s " + source + " ! -o " + devices + " " + kMasquerade}};
  if (bindInterfaces.size() > 1) {
    auto& chain = rules["mangle"]["BAREVIP-FORWARD"].rules;
    auto entries = entryRules(bindInterfaces, "-o " + outside + " ");
    chain.insert(chain.begin(), entries.begin(), entries.end());
    addRestores("-i " + outside + " ", bindInterfaces.size(),
                rules["mangle"]["BAREVIP-PREROUTING"].rules);
  }
  // Behind the rules of others, so that their verdicts come first and only a policy is outvoted.
  rules["filter"]["BAREVIP-FORWARD"] = {
      {"FORWARD", false}, {"-i " + devices + " -j ACCEPT", "-o " + devices + " -j ACCEPT"}};
  return rules;
}

/// Marks what is to be masqueraded: all that comes in by no bind interface, and from outside what
/// need not keep its client's address.
std::vector<std::string> hostMarks(Family family, const std::vector<std::string>& bindInterfaces,
                                   const std::string& services, const std::string& mark) {
  const std::string keep = " -m set --match-set " + setName("keep", family) + " dst,dst";
  if (bindInterfaces.size() == 1) {
    const std::string& only = bindInterfaces.front();
    return {"! -i " + only + " " + services + mark,
            "-i " + only + " " + services + " -m set ! --match-set " + setName("keep", family) +
                " dst,dst" + mark};
  }
  std::vector<std::string> rules = entryRules(bindInterfaces, services + " ");
  addRestores("-m conntrack --ctdir REPLY ", bindInterfaces.size(), rules);
  for (const std::string& one : bindInterfaces) {
    rules.push_back(joined({"-i ", one, " ", services, keep, " -j RETURN"}));
  }
  rules.push_back(services + mark);
  return rules;
}

RuleSet hostRules(Family family, const std::vector<std::string>& bindInterfaces) {
  const std::string services = "-m set --match-set " + setName("services", family) + " dst,dst";
  const std::string noService = "-m set --match-set " + setName("vips", family) +
                                " dst -m set ! --match-set " + setName("services", family) +
                                " dst,dst -j REJECT --reject-with ";
  const std::string masquerade = masked(net::kMasqueradeMark, net::kMarkMask);
  const std::string mark = " -j MARK --set-xmark " + masquerade;
  const bool ipv4 = family == Family::kIpv4;
  RuleSet rules;
  rules["mangle"]["BAREVIP-PREROUTING"] = {{"PREROUTING"},
                                           hostMarks(family, bindInterfaces, services, mark)};
  rules["mangle"]["BAREVIP-OUTPUT"] = {{"OUTPUT"}, {services + mark}};
  if (bindInterfaces.size() > 1) {
    addRestores("-m conntrack --ctdir REPLY ", bindInterfaces.size(),
                rules["mangle"]["BAREVIP-OUTPUT"].rules);
  }
  rules["nat"]["BAREVIP-POSTROUTING"] = {{"POSTROUTING"},
                                         {"-m mark --mark " + masquerade + " " + kMasquerade}};
  // What the node itself listens on does not answer at a VIP. Ping does, and neighbour discovery
  // must; the node's own requests to a VIP have it as their source, so answers to them pass.
  rules["filter"]["BAREVIP-INPUT"] = {
      {"INPUT"},
      {guardRule("! -i lo", family),
       std::string("-p ") + (ipv4 ? "icmp" : "ipv6-icmp") + " -j RETURN",
       "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", "-p tcp " + noService + "tcp-reset",
       noService + (ipv4 ? "icmp-port-unreachable" : "icmp6-port-unreachable")}};
  return rules;
}

std::string_view nextLine(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

/// Words between blanks; quotes keep blanks together, as iptables-save writes comments.
std::vector<std::string> wordsOf(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted && i + 1 < line.size()) {
      word += line[++i];
    } else if (c == ' ' && !quoted) {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

/// The one spelling of an address, a prefix or a marked number; anything else stays as it is.
std::string canonicalValue(const std::string& word) {
  if (const auto prefix = IpPrefix::parse(word)) {
    return prefix->length == prefix->network.bits() ? prefix->network.toString()
                                                    : prefix->toString();
  }
  std::string canonical;
  std::string_view rest = word;
  while (true) {
    const std::size_t slash = rest.find('/');
    std::string_view number = rest.substr(0, slash);
    int base = 10;
    if (number.starts_with("0x")) {
      number.remove_prefix(2);
      base = 16;
    }
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value, base);
    if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size()) return word;
    const bool fullMask = !canonical.empty() && value == 0xffffffffU;
    if (!fullMask) canonical += (canonical.empty() ? "" : "/") + hex(value);
    if (slash == std::string_view::npos) return canonical;
    rest.remove_prefix(slash + 1);
  }
}

/// The parts of a rule, each an option with its values, in an order that does not depend on theirs.
std::vector<std::string> canonicalRule(std::string_view rule) {
  std::vector<std::string> parts;
  bool negated = false;
  for (const std::string& word : wordsOf(rule)) {
    if (word == "!") {
      negated = true;
    } else if (word.size() > 1 && word.front() == '-') {
      parts.push_back(std::exchange(negated, false) ? "! " + word : word);
    } else if (parts.empty()) {
      parts.push_back(canonicalValue(word));
    } else {
      parts.back() += " " + canonicalValue(word);
    }
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

bool sameRules(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), sameRule);
}

struct SplitRule {
  std::string_view chain;
  std::string_view rest;
};

/// "-A CHAIN rest"
std::optional<SplitRule> splitAppend(std::string_view line) {
  if (!line.starts_with("-A ")) return std::nullopt;
  line.remove_prefix(3);
  const std::size_t end = line.find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  return SplitRule{line.substr(0, end), line.substr(end + 1)};
}

/// The chain of ours that a rule jumps to without any condition.
std::optional<std::string_view> plainJump(std::string_view rest) {
  if (!rest.starts_with("-j ")) return std::nullopt;
  rest.remove_prefix(3);
  if (!rest.starts_with(kChainPrefix) || rest.find(' ') != std::string_view::npos) {
    return std::nullopt;
  }
  return rest;
}

/// Lines that bring one table from the found state to the desired one.
std::string tableText(const std::map<std::string, Chain>& desired,
                      const std::map<std::string, FoundRules::FoundChain>& found) {
  std::string chains;
  std::string rules;
  std::string jumps;
  std::string removals;
  const auto removeJumps = [&jumps](const std::string& from, const std::string& to,
                                    std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) jumps += joined({"-D ", from, " -j ", to, "\n"});
  };
  for (const auto& [name, chain] : desired) {
    const auto at = found.find(name);
    if (at == found.end() || !sameRules(at->second.rules, chain.rules)) {
      chains += joined({":", name, " - [0:0]\n"});
      for (const std::string& rule : chain.rules) rules += joined({"-A ", name, " ", rule, "\n"});
    }
    std::size_t present = 0;
    if (at != found.end()) {
      for (const auto& [from, count] : at->second.jumps) {
        if (from == chain.jump.from) present = count;
        removeJumps(from, name, from == chain.jump.from ? count - 1 : count);
      }
    }
    if (present == 0) {
      jumps += (chain.jump.first ? "-I " : "-A ") + chain.jump.from + " -j " + name + "\n";
    }
  }
  for (const auto& [name, chain] : found) {
    if (desired.contains(name)) continue;
    for (const auto& [from, count] : chain.jumps) removeJumps(from, name, count);
    chains += ":" + name + " - [0:0]\n";
    removals += "-X " + name + "\n";
  }
  return chains + rules + jumps + removals;
}

std::string_view protocolName(model::Protocol protocol) {
  switch (protocol) {
    case model::Protocol::kTcp:
      return "tcp";
    case model::Protocol::kUdp:
      return "udp";
    case model::Protocol::kSctp:
      return "sctp";
  }
  return "tcp";
}

std::string entryOf(const ipvs::VirtualServerKey& key) {
  return key.vip.toString() + "," + std::string(protocolName(key.protocol)) + ":" +
         std::to_string(key.port);
}

/// The prefixes as a set can keep them: no /0.
std::vector<IpPrefix> withoutZero(const IpPrefix& prefix) {
  if (prefix.length != 0) return {prefix};
  const Family family = prefix.network.family();
  const Uint128 half = Uint128{1} << (prefix.network.bits() - 1U);
  return {{IpAddress::fromNumber(family, 0), 1}, {IpAddress::fromNumber(family, half), 1}};
}

std::string canonicalEntry(std::string_view entry) {
  std::string canonical;
  while (true) {
    const std::size_t comma = entry.find(',');
    const std::string part(entry.substr(0, comma));
    const auto prefix = IpPrefix::parse(part);
    if (!prefix) {
      canonical += part;
    } else if (prefix->length == prefix->network.bits()) {
      canonical += prefix->network.toString();
    } else {
      canonical += prefix->toString();
    }
    if (comma == std::string_view::npos) return canonical;
    canonical += ',';
    entry.remove_prefix(comma + 1);
  }
}

}  // namespace

RuleSet rulesOf(FilterRole role, Family family, const std::vector<std::string>& bindInterfaces) {
  switch (role) {
    case FilterRole::kDirector:
      return directorRules(family);
    case FilterRole::kNode:
      return nodeRules(family, bindInterfaces);
    case FilterRole::kHost:
      return hostRules(family, bindInterfaces);
  }
  return {};
}

bool isOurRuleLine(std::string_view line) {
  if (line.starts_with("*")) return true;
  if (line.starts_with(":")) return line.substr(1).starts_with(kChainPrefix);
  const auto rule = splitAppend(line);
  return rule && (rule->chain.starts_with(kChainPrefix) || plainJump(rule->rest));
}

FoundRules parseRules(std::string_view text) {
  FoundRules found;
  std::string table;
  while (!text.empty()) {
    const std::string_view line = nextLine(text);
    if (!isOurRuleLine(line)) continue;
    if (line.starts_with("*")) {
      table = line.substr(1);
      continue;
    }
    if (line.starts_with(":")) {
      found.tables[table][std::string(line.substr(1, line.find(' ') - 1))];
      continue;
    }
    const auto rule = splitAppend(line);
    if (rule->chain.starts_with(kChainPrefix)) {
      found.tables[table][std::string(rule->chain)].rules.emplace_back(rule->rest);
    } else {
      const std::string to(*plainJump(rule->rest));
      ++found.tables[table][to].jumps[std::string(rule->chain)];
    }
  }
  return found;
}

bool sameRule(std::string_view a, std::string_view b) {
  return a == b || canonicalRule(a) == canonicalRule(b);
}

std::string restoreText(const RuleSet& desired, const FoundRules& found) {
  std::set<std::string> tables;
  for (const auto& [table, chains] : desired) tables.insert(table);
  for (const auto& [table, chains] : found.tables) tables.insert(table);
  std::string text;
  for (const std::string& table : tables) {
    const auto wanted = desired.find(table);
    const auto there = found.tables.find(table);
    const std::string lines =
        tableText(wanted == desired.end() ? std::map<std::string, Chain>{} : wanted->second,
                  there == found.tables.end() ? std::map<std::string, FoundRules::FoundChain>{}
                                              : there->second);
    if (!lines.empty()) text += joined({"*", table, "\n", lines, "COMMIT\n"});
  }
  return text;
}

SetTable setsOf(FilterRole role, const std::vector<Family>& families,
                const net::FilterState& state) {
  SetTable sets;
  const auto add = [&sets](std::string_view name, const IpAddress& vip, std::string entry) {
    if (const auto at = sets.find(setName(name, vip.family())); at != sets.end()) {
      at->second.entries.insert(std::move(entry));
    }
  };
  for (const Family family : families) {
    sets[setName("guard", family)] = {"hash:ip,port", family, {}};
    sets[setName("allow", family)] = {"hash:ip,port,net", family, {}};
    if (role != FilterRole::kNode) sets[setName("keep", family)] = {"hash:ip,port", family, {}};
    if (role == FilterRole::kHost) {
      sets[setName("vips", family)] = {"hash:ip", family, {}};
      sets[setName("services", family)] = {"hash:ip,port", family, {}};
    }
  }
  for (const auto& vip : state.vips) add("vips", vip, vip.toString());
  for (const auto& key : state.virtualServers) add("services", key.vip, entryOf(key));
  for (const auto& key : state.keepClient) add("keep", key.vip, entryOf(key));
  for (const auto& ranges : state.sourceRanges) {
    const ipvs::VirtualServerKey& key = ranges.virtualServer;
    add("guard", key.vip, entryOf(key));
    for (const IpPrefix& allowed : ranges.allowed) {
      if (allowed.network.family() != key.vip.family()) continue;
      for (const IpPrefix& prefix : withoutZero(allowed)) {
        add("allow", key.vip, canonicalEntry(entryOf(key) + "," + prefix.toString()));
      }
    }
  }
  return sets;
}

bool isOurSetLine(std::string_view line) {
  for (const std::string_view verb : {"create ", "add "}) {
    if (line.starts_with(verb)) return line.substr(verb.size()).starts_with(kSetPrefix);
  }
  return false;
}

SetTable parseSets(std::string_view text) {
  SetTable sets;
  while (!text.empty()) {
    const std::string_view line = nextLine(text);
    if (!isOurSetLine(line)) continue;
    const std::vector<std::string> words = wordsOf(line);
    if (words.size() < 3) continue;
    if (words[0] == "create") {
      SetContent& content = sets[words[1]];
      content.type = words[2];
      const auto family = std::find(words.begin(), words.end(), "family");
      const bool ipv6 = family != words.end() && std::next(family) != words.end() &&
                        *std::next(family) == "inet6";
      content.family = ipv6 ? Family::kIpv6 : Family::kIpv4;
    } else {
      sets[words[1]].entries.insert(canonicalEntry(words[2]));
    }
  }
  return sets;
}

Result<SetPlan> setPlan(const SetTable& desired, const SetTable& found) {
  static const SetContent kNothing;
  SetPlan plan;
  const auto write = [&plan](const std::string& line) {
    plan.text += line + "\n";
    ++plan.writes;
  };
  const auto contentOf = [&found](const std::string& name) -> const SetContent& {
    const auto at = found.find(name);
    return at == found.end() ? kNothing : at->second;
  };
  for (const auto& [name, content] : desired) {
    const auto at = found.find(name);
    if (at == found.end()) {
      write("create " + name + " " + content.type + " family " +
            (content.family == Family::kIpv4 ? "inet" : "inet6") + kSetSize);
    } else if (at->second.type != content.type || at->second.family != content.family) {
      return fail(ErrorCode::kConflict, "the set " + name + " has the type " + at->second.type +
                                            " instead of " + content.type +
                                            ": remove it by `barevip-node cleanup`");
    }
  }
  // Names are in an order that makes this safe: who is allowed is known before a guard asks for it,
  // a service before its VIP is closed for all else; removals the other way round.
  for (const auto& [name, content] : desired) {
    for (const std::string& entry : content.entries) {
      if (!contentOf(name).entries.contains(entry)) {
        write(joined({"add ", name, " ", entry, " -exist"}));
      }
    }
  }
  for (auto set = desired.rbegin(); set != desired.rend(); ++set) {
    for (const std::string& entry : contentOf(set->first).entries) {
      if (!set->second.entries.contains(entry)) {
        write(joined({"del ", set->first, " ", entry, " -exist"}));
      }
    }
  }
  return plan;
}

std::vector<std::string> obsoleteSets(const SetTable& desired, const SetTable& found) {
  std::vector<std::string> names;
  for (const auto& [name, content] : found) {
    if (!desired.contains(name)) names.push_back(name);
  }
  return names;
}

}  // namespace barevip::host
