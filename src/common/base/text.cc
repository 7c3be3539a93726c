// SPDX-License-Identifier: Apache-2.0
#include "barevip/base/text.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <unordered_set>

namespace barevip {

// An element of the pool, which knows the text only: who has it counts for nothing there.
struct Text::Entry {
  explicit Entry(std::string_view of) : text(of) {}

  const std::string text;
  mutable std::atomic<std::size_t> users{0};
};

struct Text::Pool {
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
    std::size_t operator()(const Entry& entry) const { return (*this)(entry.text); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const { return a.text == b.text; }
    bool operator()(const Entry& a, std::string_view b) const { return a.text == b; }
    bool operator()(std::string_view a, const Entry& b) const { return a == b.text; }
  };

  std::mutex mutex;
  std::unordered_set<Entry, Hash, Equal> entries;

  // Never destroyed: texts of static objects end after any other static object may have ended.
  static Pool& instance() {
    static Pool& pool = *new Pool;
    return pool;
  }
};

Text::Text(std::string_view text) {
  if (text.empty()) return;
  Pool& pool = Pool::instance();
  const std::lock_guard lock(pool.mutex);
  auto found = pool.entries.find(text);
  if (found == pool.entries.end()) found = pool.entries.emplace(text).first;
  entry_ = &*found;
  entry_->users.fetch_add(1, std::memory_order_relaxed);
}

Text::Text(const Text& other) noexcept : entry_(other.entry_) {
  if (entry_ != nullptr) entry_->users.fetch_add(1, std::memory_order_relaxed);
}

Text::~Text() {
  if (entry_ == nullptr) return;
  // The last one ends with the lock held, so that nobody finds the text in the pool meanwhile.
  std::size_t users = entry_->users.load(std::memory_order_relaxed);
  while (users > 1) {
    if (entry_->users.compare_exchange_weak(users, users - 1, std::memory_order_release,
                                            std::memory_order_relaxed)) {
      return;
    }
  }
  Pool& pool = Pool::instance();
  const std::lock_guard lock(pool.mutex);
  if (entry_->users.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  pool.entries.erase(pool.entries.find(std::string_view(entry_->text)));
}

const std::string& Text::str() const {
  static const std::string kEmpty;
  return entry_ == nullptr ? kEmpty : entry_->text;
}

std::size_t Text::distinct() {
  Pool& pool = Pool::instance();
  const std::lock_guard lock(pool.mutex);
  return pool.entries.size();
}

}  // namespace barevip
