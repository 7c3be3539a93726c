// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/access/access_review.h"
#include "common/model/meta_json.h"

namespace barevip::access {
namespace {

using nlohmann::json;
using Verdict = obs::Gate::Verdict;

constexpr kube::Resource kTokenReviews{"authentication.k8s.io", "v1", "tokenreviews", "TokenReview",
                                       false};
constexpr kube::Resource kSubjectAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews",
                                               "SubjectAccessReview", false};

Verdict unanswered(const kube::Resource& review, const std::string& why) {
  return {503, std::string(review.kind) + ": " + why};
}

// The status that the API server gives the review.
Result<json> ask(kube::Api& api, const kube::Resource& review, json spec,
                 const std::stop_token& stop) {
  auto answer = api.create(
      review, "",
      {{"apiVersion", review.apiVersion()}, {"kind", review.kind}, {"spec", std::move(spec)}},
      stop);
  if (!answer && answer.error().code == ErrorCode::kStopped) {
    return fail(ErrorCode::kTimeout, "it did not answer in time");
  }
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  json status = model::memberOf(*answer, "status");
  if (!status.is_object()) return fail(ErrorCode::kInternal, "its answer has no status");
  return status;
}

// The fields of authentication/v1 UserInfo that authorization/v1 wants, under its names.
json specOf(const json& user, const std::string& path) {
  json spec{{"user", model::stringAt(user, "username")},
            {"nonResourceAttributes", {{"path", path}, {"verb", "get"}}}};
  for (const char* const name : {"uid", "groups", "extra"}) {
    const json& value = model::memberOf(user, name);
    if (!value.is_null()) spec[name] = value;
  }
  return spec;
}

}  // namespace

Verdict noToken() {
  return {401, "no bearer token: send the header \"Authorization: Bearer TOKEN\"\n"};
}

Verdict reviewAccess(kube::Api& api, const std::string& token, const std::string& path,
                     const std::stop_token& stop) {
  const auto known = ask(api, kTokenReviews, {{"token", token}}, stop);
  if (!known) return unanswered(kTokenReviews, known.error().message);
  const json& user = model::memberOf(*known, "user");
  const std::string name = model::stringAt(user, "username");
  if (!model::boolAt(*known, "authenticated", false) || name.empty()) {
    return {401, "the API server does not accept this bearer token: take a new one\n"};
  }
  const auto allowed = ask(api, kSubjectAccessReviews, specOf(user, path), stop);
  if (!allowed) return unanswered(kSubjectAccessReviews, allowed.error().message);
  if (model::boolAt(*allowed, "allowed", false)) return {};
  return {403,
          name + " may not get " + path + ": bind the ClusterRole barevip-metrics-reader to it\n"};
}

}  // namespace barevip::access
