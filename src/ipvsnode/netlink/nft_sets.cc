// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/nft_sets.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/system_error.h"
#include "ipvsnode/netlink/batch.h"
#include "ipvsnode/netlink/message.h"

namespace barevip::netlink {

namespace {

constexpr std::uint8_t kInet = 1;  // NFPROTO_INET; its header does not go with others

/// Begin or end of a transaction of nf_tables.
Message bracket(std::uint16_t type) {
  nfgenmsg header{};
  header.nfgen_family = AF_UNSPEC;
  header.res_id = htons(NFNL_SUBSYS_NFTABLES);
  return newMessage(type, 0, bytesOf(header));
}

void putKey(nl_msg& message, int attribute, const std::vector<std::byte>& key) {
  putNested(message, attribute, [&] { putBytes(message, NFTA_DATA_VALUE, key); });
}

Message encode(const std::string& table, const net::SetChange& change) {
  nfgenmsg header{};
  header.nfgen_family = kInet;
  const int type = change.add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM;
  const int flags = change.add ? NLM_F_CREATE : 0;
  Message message = newMessage(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8U) | type),
                               static_cast<std::uint16_t>(flags), bytesOf(header));
  putString(*message, NFTA_SET_ELEM_LIST_TABLE, table);
  putString(*message, NFTA_SET_ELEM_LIST_SET, change.set);
  putNested(*message, NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
    putNested(*message, NFTA_LIST_ELEM, [&] {
      putKey(*message, NFTA_SET_ELEM_KEY, change.key);
      if (!change.keyEnd.empty()) putKey(*message, NFTA_SET_ELEM_KEY_END, change.keyEnd);
    });
  });
  return message;
}

}  // namespace

NftSets::NftSets(std::string table, Socket socket)
    : table_(std::move(table)), socket_(std::move(socket)) {}

Result<NftSets> NftSets::open(std::string table, SocketOptions options) {
  if (options.protocol == 0) options.protocol = NETLINK_NETFILTER;
  auto socket = Socket::open(options);
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  return NftSets(std::move(table), std::move(*socket));
}

Result<void> NftSets::apply(std::span<const net::SetChange> changes) {
  if (changes.empty()) return {};
  if (changes.size() > kMostChanges) {
    return fail(ErrorCode::kInvalid, "too many elements for one send");
  }
  std::vector<std::byte> datagram;
  std::uint32_t last = 0;
  const auto append = [&](const Message& message, bool acknowledge) {
    const auto bytes = bytesOf(*message);
    nlmsghdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    header.nlmsg_seq = last = socket_.nextSequence();
    header.nlmsg_pid = socket_.port();
    if (acknowledge) header.nlmsg_flags |= NLM_F_ACK;
    const std::size_t at = datagram.size();
    datagram.insert(datagram.end(), bytes.begin(), bytes.end());
    std::memcpy(datagram.data() + at, &header, sizeof(header));
    datagram.resize(at + NLMSG_ALIGN(bytes.size()));
  };
  append(bracket(NFNL_MSG_BATCH_BEGIN), false);
  const std::uint32_t begin = last;
  for (const net::SetChange& change : changes) {
    append(encode(table_, change), &change == &changes.back());
  }
  const std::uint32_t end = last;
  append(bracket(NFNL_MSG_BATCH_END), false);
  socket_.drain();
  if (auto sent = socket_.send(datagram); !sent) return sent;
  return settle(begin, end);
}

/// The kernel reports the failures of a transaction in order, and then the last element.
Result<void> NftSets::settle(std::uint32_t begin, std::uint32_t end) {
  int error = 0;
  for (bool done = false; !done;) {
    const auto answer = socket_.receive();
    if (!answer) return tl::make_unexpected(answer.error());
    forEachMessage(*answer, [&](const Received& message) {
      const auto said = message.familyHeader<nlmsgerr>();
      if (message.header().nlmsg_type != NLMSG_ERROR || !said) return;
      if (error == 0) error = -said->error;
      const std::uint32_t sequence = message.header().nlmsg_seq;
      done = done || sequence == end || (sequence == begin && said->error != 0);
    });
  }
  if (error == 0) return {};
  return fail(errnoCode(error), "cannot change sets of nftables: " + describe({error, {}}), error);
}

}  // namespace barevip::netlink
