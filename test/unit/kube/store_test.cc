// SPDX-License-Identifier: Apache-2.0
#include "barevip/kube/store.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace barevip::kube {
namespace {

struct Thing {
  ObjectKey key;
  int value = 0;

  friend bool operator==(const Thing&, const Thing&) = default;
};

Thing thing(const std::string& name, int value) { return {{"ns", name}, value}; }

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    store_.addHandler([this](const Store<Thing>::Ptr& before, const Store<Thing>::Ptr& after) {
      const auto text = [](const Store<Thing>::Ptr& one) {
        return one ? std::to_string(one->value) : std::string("-");
      };
      const std::string name = after ? after->key.name : before->key.name;
      seen_.push_back(name + ":" + text(before) + ">" + text(after));
    });
  }

  Store<Thing> store_;
  std::vector<std::string> seen_;
};

TEST_F(StoreTest, TellsAddsChangesAndDeletes) {
  store_.put(thing("a", 1));
  store_.put(thing("a", 2));
  store_.erase({"ns", "a"});
  EXPECT_EQ(seen_, (std::vector<std::string>{"a:->1", "a:1>2", "a:2>-"}));
}

TEST_F(StoreTest, IsSilentWhenNothingChanges) {
  store_.put(thing("a", 1));
  seen_.clear();
  store_.put(thing("a", 1));
  store_.erase({"ns", "b"});
  store_.replaceAll({thing("a", 1)});
  EXPECT_TRUE(seen_.empty());
}

TEST_F(StoreTest, TellsTheDifferenceToANewList) {
  store_.replaceAll({thing("gone", 1), thing("same", 1), thing("changed", 1)});
  seen_.clear();
  store_.replaceAll({thing("same", 1), thing("changed", 2), thing("new", 1)});
  EXPECT_EQ(seen_, (std::vector<std::string>{"gone:1>-", "changed:1>2", "new:->1"}));
  EXPECT_EQ(store_.size(), 3U);
}

TEST_F(StoreTest, AListBesideItCostsWhatDiffers) {
  store_.replaceAll({thing("same", 1), thing("changed", 1)});
  EXPECT_EQ(store_.shared(thing("same", 1)), store_.get({"ns", "same"}));
  EXPECT_NE(store_.shared(thing("changed", 2)), store_.get({"ns", "changed"}));
  EXPECT_EQ(store_.get({"ns", "changed"})->value, 1);
}

TEST_F(StoreTest, ListsOneNamespace) {
  store_.replaceAll({{{"n", "z"}, 1}, {{"ns", "a"}, 2}, {{"ns", "b"}, 3}, {{"nsx", "a"}, 4}});
  std::vector<int> values;
  for (const auto& one : store_.allIn("ns")) values.push_back(one->value);
  EXPECT_EQ(values, (std::vector<int>{2, 3}));
  EXPECT_TRUE(store_.allIn("other").empty());
}

TEST_F(StoreTest, IsSyncedAfterTheFirstListForEver) {
  store_.put(thing("a", 1));
  EXPECT_FALSE(store_.synced());
  store_.replaceAll({});
  EXPECT_TRUE(store_.synced());
  EXPECT_EQ(store_.get({"ns", "a"}), nullptr);
}

}  // namespace
}  // namespace barevip::kube
