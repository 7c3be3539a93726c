// SPDX-License-Identifier: Apache-2.0
#include "common/obs/metrics.h"

#include <gtest/gtest.h>

namespace barevip::obs {
namespace {

TEST(Registry, PrintsThePrometheusTextFormat) {
  Registry registry;
  registry.counter("b_total", "Things.", {{"kind", "a\"b"}}).add(3);
  registry.gauge("a_bytes", "Size.").set(1.5);
  registry.gaugeFrom("c", "Read.", [] { return 7; });
  registry.counterFrom("d_total", "Read, too.", [] { return 8; });
  EXPECT_EQ(registry.text(),
            "# HELP a_bytes Size.\n# TYPE a_bytes gauge\na_bytes 1.5\n"
            "# HELP b_total Things.\n# TYPE b_total counter\nb_total{kind=\"a\\\"b\"} 3\n"
            "# HELP c Read.\n# TYPE c gauge\nc 7\n"
            "# HELP d_total Read, too.\n# TYPE d_total counter\nd_total 8\n");
}

TEST(Registry, GivesTheSameCounterForTheSameNameAndLabels) {
  Registry registry;
  registry.counter("x_total", "X.", {{"a", "1"}}).add();
  registry.counter("x_total", "X.", {{"a", "1"}}).add();
  registry.counter("x_total", "X.", {{"a", "2"}}).add();
  EXPECT_EQ(registry.counter("x_total", "X.", {{"a", "1"}}).value(), 2);
}

TEST(Registry, PrintsAHistogramAsCumulatedBuckets) {
  Registry registry;
  Histogram& times = registry.histogram("took_seconds", "Time.", {{"of", "x"}});
  times.observe(std::chrono::milliseconds(1));
  times.observe(std::chrono::milliseconds(3));
  times.observe(std::chrono::minutes(2));
  const std::string text = registry.text();
  for (const char* const line :
       {"# TYPE took_seconds histogram\n", "took_seconds_bucket{of=\"x\",le=\"0.001\"} 1\n",
        "took_seconds_bucket{of=\"x\",le=\"0.0025\"} 1\n",
        "took_seconds_bucket{of=\"x\",le=\"0.005\"} 2\n",
        "took_seconds_bucket{of=\"x\",le=\"30\"} 2\n",
        "took_seconds_bucket{of=\"x\",le=\"+Inf\"} 3\n", "took_seconds_sum{of=\"x\"} 120.004\n",
        "took_seconds_count{of=\"x\"} 3\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Registry, PrintsAHistogramWithoutLabels) {
  Registry registry;
  registry.histogram("took_seconds", "Time.").observe(std::chrono::seconds(100));
  EXPECT_NE(registry.text().find("took_seconds_bucket{le=\"+Inf\"} 1\n"), std::string::npos);
}

TEST(Registry, PrintsWhatIsThereOfSeriesThatComeAndGo) {
  Registry registry;
  std::vector<Sample> pools{{{{"pool", "a"}}, 3}, {{{"pool", "b"}}, 4}};
  registry.gaugesFrom("used", "Used.", [&] { return pools; });
  EXPECT_EQ(registry.text(),
            "# HELP used Used.\n# TYPE used gauge\nused{pool=\"a\"} 3\nused{pool=\"b\"} 4\n");
  pools.erase(pools.begin());
  EXPECT_EQ(registry.text(), "# HELP used Used.\n# TYPE used gauge\nused{pool=\"b\"} 4\n");
}

TEST(Registry, PrintsCountersThatComeAndGoAsCounters) {
  Registry registry;
  registry.countersFrom("sent_total", "Sent.", [] {
    return std::vector<Sample>{{{{"to", "a"}}, 3}};
  });
  EXPECT_EQ(registry.text(),
            "# HELP sent_total Sent.\n# TYPE sent_total counter\nsent_total{to=\"a\"} 3\n");
}

TEST(Registry, ShowsAFamilyUnderItsOldNameToo) {
  Registry registry;
  registry.alias("queued", "waiting");
  registry.alias("gone", "never");
  registry.gauge("waiting", "How many wait.", {{"kind", "ip"}}).set(2);
  EXPECT_EQ(registry.text(),
            "# HELP waiting How many wait.\n# TYPE waiting gauge\nwaiting{kind=\"ip\"} 2\n"
            "# HELP queued Deprecated: the old name of waiting.\n# TYPE queued gauge\n"
            "queued{kind=\"ip\"} 2\n");
}

TEST(ProcessMetrics, TellTheResidentMemoryAndTheVersion) {
  Registry registry;
  addProcessMetrics(registry);
  EXPECT_NE(registry.text().find("\nbarevip_build_info{version=\""), std::string::npos);
  EXPECT_NE(registry.text().find("\nprocess_resident_memory_bytes "), std::string::npos);
}

}  // namespace
}  // namespace barevip::obs
