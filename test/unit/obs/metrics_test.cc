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

TEST(ProcessMetrics, TellTheResidentMemory) {
  Registry registry;
  addProcessMetrics(registry);
  EXPECT_NE(registry.text().find("\nprocess_resident_memory_bytes "), std::string::npos);
}

}  // namespace
}  // namespace barevip::obs
