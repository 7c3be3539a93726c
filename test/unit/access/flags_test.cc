// SPDX-License-Identifier: Apache-2.0
#include "common/access/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/base/command_line.h"

namespace barevip::access {
namespace {

using testing::HasSubstr;

std::optional<CommandLineEnd> read(obs::TlsOptions& tls, std::vector<const char*> arguments) {
  CLI::App app{"what it does", "program"};
  addSecureMetricsFlags(app, tls);
  arguments.insert(arguments.begin(), "program");
  return readCommandLine(app, static_cast<int>(arguments.size()), arguments.data());
}

TEST(SecureMetricsFlags, AreOffByThemselves) {
  obs::TlsOptions tls;
  EXPECT_FALSE(read(tls, {}));
  EXPECT_FALSE(tls.enabled);
}

TEST(SecureMetricsFlags, NeedNoFiles) {
  obs::TlsOptions tls;
  EXPECT_FALSE(read(tls, {"--metrics-secure"}));
  EXPECT_TRUE(tls.enabled);
  EXPECT_EQ(tls.certificateFile, "");
}

TEST(SecureMetricsFlags, TakeCertificateAndKey) {
  obs::TlsOptions tls;
  EXPECT_FALSE(read(tls, {"--metrics-secure", "--metrics-cert-file=/c", "--metrics-key-file=/k"}));
  EXPECT_EQ(tls.certificateFile, "/c");
  EXPECT_EQ(tls.keyFile, "/k");
}

TEST(SecureMetricsFlags, RefuseWhatIsOfNoUseAlone) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{"--metrics-secure", "--metrics-cert-file=/c"}, "--metrics-key-file"},
      {{"--metrics-secure", "--metrics-key-file=/k"}, "--metrics-cert-file"},
      {{"--metrics-cert-file=/c", "--metrics-key-file=/k"}, "--metrics-secure"},
  };
  for (const auto& [arguments, missing] : cases) {
    obs::TlsOptions tls;
    const auto end = read(tls, arguments);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->status, 2);
    EXPECT_THAT(end->text, HasSubstr(std::string("requires ") + missing));
  }
}

}  // namespace
}  // namespace barevip::access
