// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle/redact.h"

#include <gtest/gtest.h>

#include <string>

namespace barevip::cli {
namespace {

TEST(ARedactedText, HasNoCredential) {
  const std::string web = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  struct Case {
    std::string text;
    std::string redacted;
  };
  const Case cases[] = {
      {"Authorization: Bearer abcdefghijkl0123", "Authorization: Bearer [redacted]"},
      {"authorization: basic dXNlcjpwYXNzd29yZA==, then", "authorization: basic [redacted] then"},
      {"token is " + web, "token is [redacted]"},
      {"--token=s3cr3t --other", "--token=[redacted] --other"},
      {"PASSWORD=\"s3cr3t\" x", "PASSWORD=\"[redacted]\" x"},
      {R"({"apiKey":"s3cr3t","b":1})", R"({"apiKey":"[redacted]","b":1})"},
      {R"({"my-secret": "two words", "b"})", R"({"my-secret": "[redacted]", "b"})"},
      {R"({"token":"a\"b","c":1})", R"({"token":"[redacted]","c":1})"},
      {R"("{\"token\":\"abc\",\"b\":1}")", R"("{\"token\":\"[redacted]\",\"b\":1}")"},
      {R"(["--token","abc","--other"])", R"(["--token","[redacted]","--other"])"},
      {"password: hunter2", "password: [redacted]"},
      {"X-Auth-Token: abcdefghijkl", "X-Auth-Token: [redacted]"},
      {"api_key=x", "api_key=[redacted]"},
      {"https://hooks.example.com/services/T0/B0?x=1 failed",
       "https://hooks.example.com/[redacted] failed"},
      {"HTTP://user:word@proxy.example.com:3128", "HTTP://[redacted]"},
      {"\"https://example.com?key=1\"", "\"https://example.com?[redacted]\""},
  };
  for (const Case& each : cases) EXPECT_EQ(redacted(each.text), each.redacted);
}

TEST(ARedactedText, KeepsWhatIsNoCredential) {
  for (const char* const text : {
           "",
           "a basic test of the bearer",
           "https://10.0.0.1:6443 and http://[fd00::1]:8080/",
           "the token expired; a secret: none; token",
           "eyJ",
           "10.0.0.1 is announced by n1",
           "\xff\xfe is no UTF-8",
       }) {
    EXPECT_EQ(redacted(text), text);
  }
}

TEST(ARedactedText, OfARedactedTextIsTheSame) {
  const std::string once = redacted("token=abc https://a.example.com/b Bearer 0123456789abcdef");
  EXPECT_EQ(redacted(once), once);
}

}  // namespace
}  // namespace barevip::cli
