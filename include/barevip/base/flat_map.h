// SPDX-License-Identifier: Apache-2.0
// A map for few entries: the seam of Boost.Container.
#pragma once

#include <boost/container/flat_map.hpp>

namespace barevip {

/// As std::map, but sorted in one piece of memory: an empty one takes 24 bytes and no allocation.
/// Inserting and erasing are linear, and end the life of iterators and references.
template <class Key, class Value>
using FlatMap = boost::container::flat_map<Key, Value>;

}  // namespace barevip
