// SPDX-License-Identifier: Apache-2.0
#include "barevip/base/text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace barevip {
namespace {

TEST(Text, IsTheTextThatItWasMadeOf) {
  const Text text("n1");
  EXPECT_EQ(text, "n1");
  EXPECT_EQ(text.str(), std::string("n1"));
  EXPECT_EQ("on " + text + ", up", "on n1, up");
  EXPECT_TRUE(Text().empty());
  EXPECT_EQ(Text(), Text(""));
  EXPECT_EQ(Text(), "");
}

TEST(Text, StandsInMemoryOnceAndGoesWithTheLastThatHasIt) {
  const std::size_t before = Text::distinct();
  {
    const Text one("a text of this test");
    const Text same(std::string("a text of ") + "this test");
    EXPECT_EQ(&one.str(), &same.str());
    EXPECT_EQ(Text::distinct(), before + 1);
    Text other("another text of this test");
    EXPECT_EQ(Text::distinct(), before + 2);
    other = one;
    EXPECT_EQ(Text::distinct(), before + 1);
    const Text moved = std::move(other);
    EXPECT_EQ(moved, one);
  }
  EXPECT_EQ(Text::distinct(), before);
}

TEST(Text, IsOrderedByItsCharacters) {
  const std::set<Text> texts{"c", "b", "", "a"};
  EXPECT_EQ(std::vector<Text>(texts.begin(), texts.end()), (std::vector<Text>{"", "a", "b", "c"}));
}

// For the thread sanitizer: makers, copies and last ends of the same texts meet.
TEST(Text, IsSharedAmongThreads) {
  const std::size_t before = Text::distinct();
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([] {
        for (int i = 0; i < 2'000; ++i) {
          const std::string number = std::to_string(i % 3);
          const Text made("shared " + number);
          std::vector<Text> copies(3, made);
          copies.erase(copies.begin());
          EXPECT_EQ(copies.back().str(), "shared " + number);
        }
      });
    }
  }
  EXPECT_EQ(Text::distinct(), before);
}

}  // namespace
}  // namespace barevip
