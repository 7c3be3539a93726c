// SPDX-License-Identifier: Apache-2.0
// How much the CustomResourceDefinition of Pools takes: crds/pool.yaml.
#pragma once

#include <cstddef>
#include <cstdint>

namespace barevip::cli::limits {

// Entries of lists.
inline constexpr std::size_t kAddresses = 128;    ///< spec.addresses
inline constexpr std::size_t kExclude = 128;      ///< spec.exclude
inline constexpr std::size_t kNamespaces = 1024;  ///< spec.namespaces and spec.ignoreNamespaces
inline constexpr std::size_t kInterfaces = 32;    ///< spec.announce.interfaces

// Characters of one entry.
inline constexpr std::size_t kAddressText = 100;
inline constexpr std::size_t kNamespaceName = 63;
inline constexpr std::size_t kInterfaceName = 15;

// Of a selector of labels.
inline constexpr std::size_t kMatchLabels = 64;
inline constexpr std::size_t kMatchExpressions = 64;
inline constexpr std::size_t kValues = 64;      ///< of one expression
inline constexpr std::size_t kLabelKey = 317;   ///< characters
inline constexpr std::size_t kLabelValue = 63;  ///< characters

inline constexpr std::int64_t kDefaultPriority = 100;
inline constexpr std::int64_t kMaxPriority = 1'000'000;

}  // namespace barevip::cli::limits
