// SPDX-License-Identifier: Apache-2.0
// The small tables behind the picks of a history.
#pragma once

#include <array>
#include <cstddef>

namespace barevip::history {

inline constexpr std::array kNamespaceNames{"red", "blue"};
inline constexpr std::array kServiceNames{"web", "dns", "db"};
inline constexpr std::array kReservationNames{"r", "s"};
inline constexpr std::array kPoolNames{"a", "b", "c"};
inline constexpr std::size_t kServiceCount = kNamespaceNames.size() * kServiceNames.size();
inline constexpr std::size_t kReservationCount = kNamespaceNames.size() * kReservationNames.size();

/// Entries of Pools. Some overlap, one is no address; the last octets that Pools can avoid occur.
inline constexpr std::array kEntries{"10.0.1.0/30",
                                     "2001:db8::/126",
                                     "10.0.1.0/31",
                                     "10.0.1.2-10.0.1.3",
                                     "10.0.0.254-10.0.0.255",
                                     "2001:db8::/127",
                                     "2001:db8::2-2001:db8::3",
                                     "10.0.1.2",
                                     "2001:db8::1",
                                     "10.0.0.255-10.0.1.2",
                                     "10.0.1.256"};
inline constexpr std::array kAddresses{"10.0.0.254",  "10.0.0.255", "10.0.1.0",   "10.0.1.1",
                                       "10.0.1.2",    "10.0.1.3",   "2001:db8::", "2001:db8::1",
                                       "2001:db8::2", "2001:db8::3"};
inline constexpr std::array kPriorities{100, 1, 200};
/// Over by the time that a history takes for settled.
inline constexpr std::array kReuseDelays{"0", "5s"};
/// 0: none.
inline constexpr std::array kLimits{0, 1, 2};

/// Who is admitted by a Pool.
enum class Admits { kAll, kRed, kTeamBlue, kGold, kNotRed, kNobody, kCount };

/// What a Service is.
enum class Role { kOurs, kOursByClass, kClusterIp, kOthers, kCount };

enum class Families { kIpv4, kIpv6, kRequireBoth, kPreferBoth, kPreferBothIpv6First, kCount };

/// What a Service asks for.
enum class Ask {
  kNothing,
  kPool,
  kAddress,
  kAddressInPool,
  kTwoAddresses,
  kIp,
  kLegacyAddress,
  kNonsense,
  kCount
};

/// What a reservation asks for.
enum class AskReserved { kAddress, kIpv4, kIpv6, kPool, kAddressInPool, kCount };

/// What somebody does to the status of a Service.
enum class ServiceTampering { kEmpties, kShows, kDropsCondition, kDenies, kIpObjects, kCount };
/// What somebody does to an IP object.
enum class IpTampering {
  kErasesStatus,
  kNamesOthers,
  kChangesKey,
  kTakesOwner,
  kOtherOwner,
  kMoves,
  kCount
};
/// Whose an IP object that somebody forges is.
enum class ForgedOwner { kNobody, kEarlierService, kService, kCount };

/// Share keys of Services and reservations.
inline constexpr std::array kShareKeys{"", "k", "l"};
inline constexpr std::array kAllowSharing{"Namespace", "Cluster", "Never"};
/// Whose pods a Service selects; empty: nobody's.
inline constexpr std::array kSelectors{"x", "y", ""};

enum class Ports { kHttp, kHttps, kDns, kHttpAndDns, kCount };
enum class Labels { kNone, kGold, kCount };
enum class Teams { kNone, kBlue, kRed, kCount };

}  // namespace barevip::history
