// SPDX-License-Identifier: Apache-2.0
// IPVS's part of a WireKernel: keeps what it is sent, with the kernel's own errnos.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "wire/netlink/wire_kernel.h"

namespace barevip::wire_test {

/// Entries are the attributes as they were sent, so that this does not share the decoder under
/// test.
class IpvsTable {
 public:
  static constexpr std::uint16_t kFamily = 33;

  /// A handler for WireKernel; the table has to outlive it.
  [[nodiscard]] WireKernel::Handler handler();

  // Faults; each holds until changed.

  /// Knows no IPVS family, as without the module.
  void setMissing(bool missing);
  /// Answers this errno to every command but the lookup of the family; 0: none.
  void setError(int error, std::string text = {});
  /// Lists every entry twice.
  void setRepeating(bool repeating);
  /// Lists entries cut to this many bytes.
  void setCut(std::size_t bytes);

 private:
  struct Server {
    Bytes attributes;
    std::map<Bytes, Bytes> destinations;
  };

  Answer answer(const netlink::Received& request);
  Answer timeouts(const netlink::Received& request, std::uint8_t number);
  Answer command(std::uint8_t number, const Bytes& service, const Bytes& destination);
  [[nodiscard]] Answer list(const std::map<Bytes, Bytes>& entries, int attribute) const;

  std::mutex mutex_;
  std::map<Bytes, Server> servers_;
  Bytes timeouts_;  ///< attributes as they were sent last
  bool missing_ = false;
  int error_ = 0;
  std::string text_;
  bool repeating_ = false;
  std::size_t cut_ = 0;
};

}  // namespace barevip::wire_test
