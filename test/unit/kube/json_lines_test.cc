// SPDX-License-Identifier: Apache-2.0
#include "common/kube/json_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::kube {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

// Feeds pieces of a size, so that every border falls everywhere.
template <class Splitter>
Result<Texts> split(Splitter& splitter, const std::string& text, std::size_t piece) {
  Texts result;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const auto fed = splitter.feed(std::string_view(text).substr(at, piece),
                                   [&](std::string_view one) -> Result<void> {
                                     result.emplace_back(one);
                                     return {};
                                   });
    if (!fed) return tl::make_unexpected(fed.error());
  }
  return result;
}

TEST(LineSplitter, GivesLinesWhereverThePiecesEnd) {
  const std::string text = "{\"a\":1}\n\n  \n{\"b\":2}\r\nrest";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    LineSplitter splitter;
    const auto lines = split(splitter, text, piece);
    ASSERT_TRUE(lines);
    EXPECT_EQ(*lines, (Texts{"{\"a\":1}", "{\"b\":2}\r"})) << piece;
    EXPECT_TRUE(splitter.hasRest());
  }
}

TEST(LineSplitter, HasNoRestAfterAWholeLine) {
  LineSplitter splitter;
  ASSERT_TRUE(split(splitter, "one\n", 2));
  EXPECT_FALSE(splitter.hasRest());
}

TEST(LineSplitter, CutsALineThatIsTooLong) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    LineSplitter splitter(8);
    const auto lines = split(splitter, "12345678\n123456789abcdef\nnext\n", piece);
    ASSERT_TRUE(lines);
    EXPECT_EQ(*lines, (Texts{"12345678", "12345678", "next"})) << piece;
    EXPECT_FALSE(splitter.hasRest());
  }
}

TEST(LineSplitter, PassesAnErrorOfTheConsumerOn) {
  LineSplitter splitter;
  const auto fed = splitter.feed(
      "a\nb\n", [](std::string_view) -> Result<void> { return fail(ErrorCode::kExpired, "gone"); });
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::kExpired);
}

TEST(ItemSplitter, GivesItemsAndEnvelopeWhereverThePiecesEnd) {
  const json list = {{"kind", "List"},
                     {"metadata", {{"resourceVersion", "7"}, {"continue", "t\"\\"}}},
                     {"items",
                      {{{"n", 1}, {"deep", {{"list", {1, 2, {{"x", "]}"}}}}}}},
                       {{"text", "quote \" backslash \\ bracket ]} comma ,"}},
                       json::object()}},
                     {"zlast", {{"items", {1, 2}}}}};
  for (const int indent : {-1, 2}) {
    const std::string text = list.dump(indent) + "\n ";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      ItemSplitter splitter;
      const auto items = split(splitter, text, piece);
      ASSERT_TRUE(items) << items.error().message;
      ASSERT_EQ(items->size(), 3U);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(json::parse(items->at(i)), list["items"][i]);
      const auto envelope = splitter.finish();
      ASSERT_TRUE(envelope);
      json want = list;
      want["items"] = json::array();
      EXPECT_EQ(json::parse(*envelope), want);
    }
  }
}

TEST(ItemSplitter, TakesListsWithoutItems) {
  for (const std::string text : {R"({"items":[],"a":1})", R"({"items":null})", "{}",
                                 R"({"kind":"Status","message":"items: [{}]"})"}) {
    ItemSplitter splitter;
    const auto items = split(splitter, text, 1);
    ASSERT_TRUE(items) << text;
    EXPECT_TRUE(items->empty()) << text;
    ASSERT_TRUE(splitter.finish()) << text;
    EXPECT_EQ(json::parse(*splitter.finish()), json::parse(text));
  }
}

TEST(ItemSplitter, OnlyLooksAtTheOutermostItems) {
  ItemSplitter splitter;
  const auto items =
      split(splitter, R"({"a":{"items":[{"x":1}]},"b":["items",[{}]],"c":"items"})", 3);
  ASSERT_TRUE(items);
  EXPECT_TRUE(items->empty());
}

TEST(ItemSplitter, LeavesOutItemsThatAreNoObjects) {
  ItemSplitter splitter;
  const auto items = split(splitter, R"({"items":[1,"{",{"a":1},null,"]"]})", 1);
  ASSERT_TRUE(items);
  EXPECT_EQ(*items, (Texts{R"({"a":1})"}));
  EXPECT_TRUE(splitter.finish());
}

TEST(ItemSplitter, TellsThatTheAnswerWasCut) {
  const std::string text = R"({"items":[{"a":1},{"b":2}],"metadata":{}})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    ItemSplitter splitter;
    ASSERT_TRUE(split(splitter, text.substr(0, size), 4));
    EXPECT_EQ(splitter.finish().error().code, ErrorCode::kUnavailable);
  }
}

TEST(ItemSplitter, RefusesWhatCannotBeAList) {
  for (const std::string text :
       {"[", "x", "\"a\"", "}", "]", "1{", ",", "{}x", "{}{", "{}]", R"({"items":[[1]]})"}) {
    ItemSplitter splitter;
    const auto items = split(splitter, text, 1);
    ASSERT_FALSE(items) << text;
    EXPECT_EQ(items.error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(ItemSplitter, CutsAnItemThatIsTooLong) {
  const std::string text =
      R"({"items":[{"a":")" + std::string(100, 'x') + R"(","b":{}},{"c":1}],"d":2})";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{10}, text.size()}) {
    ItemSplitter splitter(64);
    const auto items = split(splitter, text, piece);
    ASSERT_TRUE(items);
    EXPECT_EQ(*items, (Texts{R"({"a":")" + std::string(58, 'x'), R"({"c":1})"})) << piece;
    ASSERT_TRUE(splitter.finish());
    EXPECT_EQ(*splitter.finish(), R"({"items":[],"d":2})");
  }
}

TEST(ItemSplitter, TakesAnItemOfTheGreatestLength) {
  ItemSplitter splitter(7);
  EXPECT_EQ(split(splitter, R"({"items":[{"c":1}]})", 3).error().code, ErrorCode::kInvalid)
      << "too long beside its items";
  ItemSplitter longer(20);
  const std::string item = R"({"c":"12345678901"})";
  EXPECT_EQ(split(longer, R"({"items":[)" + item + "]}", 3), Texts{item});
}

TEST(ItemSplitter, RefusesAnEnvelopeThatIsTooLong) {
  ItemSplitter splitter(64);
  EXPECT_FALSE(split(splitter, R"({"a":")" + std::string(100, 'x') + R"("})", 10));
}

TEST(ItemSplitter, CutsAnItemThatIsNestedTooDeeply) {
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += R"({"a":)";
  deep += "1" + std::string(2'000, '}');
  ItemSplitter splitter;
  const auto items = split(splitter, R"({"items":[)" + deep + R"(,{"c":1}]})", 1000);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 2U);
  EXPECT_FALSE(parseObject(items->front()));
  EXPECT_EQ(items->back(), R"({"c":1})");
  EXPECT_TRUE(splitter.finish());
}

TEST(ItemSplitter, RefusesEndlessNesting) {
  ItemSplitter splitter;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += R"({"a":)";
  EXPECT_FALSE(split(splitter, text, 1000));
}

TEST(ItemSplitter, HoldsOneItemAtATime) {
  ItemSplitter splitter(1000);
  std::string text = R"({"items":[)";
  for (int i = 0; i < 1000; ++i) {
    text += (i == 0 ? "" : ",") + std::string(R"({"text":")") + std::string(500, 'x') + "\"}";
  }
  text += "]}";
  const auto items = split(splitter, text, 4096);
  ASSERT_TRUE(items) << "500 kB fit through 1 kB";
  EXPECT_EQ(items->size(), 1000U);
}

TEST(ParseObject, SaysWhatItGot) {
  EXPECT_TRUE(parseObject(R"({"a": 1})"));
  for (const std::string text : {"", "[]", "1", "{", "{\"a\":\xff}", "<html>"}) {
    const auto object = parseObject(text);
    ASSERT_FALSE(object) << text;
    EXPECT_EQ(object.error().code, ErrorCode::kInvalid);
  }
  EXPECT_NE(parseObject("<html>").error().message.find("<html>"), std::string::npos);
}

}  // namespace
}  // namespace barevip::kube
