// SPDX-License-Identifier: Apache-2.0
// Objects by their keys. Plain values.
#pragma once

#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "barevip/kube/object_key.h"

namespace barevip::kube {

/// Orders objects of a type with a member `kube::ObjectKey key`, among themselves and with keys.
template <class T>
struct ByKey {
  using is_transparent = void;

  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return keyOf(a) < keyOf(b);
  }

 private:
  static const ObjectKey& keyOf(const ObjectKey& key) { return key; }
  static const ObjectKey& keyOf(const std::shared_ptr<const T>& object) { return object->key; }
};

/// A set, so that no key stands in memory twice.
template <class T>
using Objects = std::set<std::shared_ptr<const T>, ByKey<T>>;

/// Returns what had its key before; null: nothing had.
template <class T>
std::shared_ptr<const T> putInto(Objects<T>& objects, const std::shared_ptr<const T>& object) {
  const auto [it, fresh] = objects.insert(object);
  if (fresh) return nullptr;
  const auto next = std::next(it);
  auto node = objects.extract(it);
  auto before = std::exchange(node.value(), object);
  objects.insert(next, std::move(node));
  return before;
}

}  // namespace barevip::kube
