// SPDX-License-Identifier: Apache-2.0
// Checks of certificates and keys in PEM form, and the base64 in which kubeconfigs have them.
#pragma once

#include <optional>
#include <string>

namespace barevip::kube {

/// Spaces and line ends do not count. Nothing if the text is empty or no base64.
[[nodiscard]] std::optional<std::string> decodeBase64(std::string text);
[[nodiscard]] std::string encodeBase64(const std::string& text);

[[nodiscard]] bool holdsCertificate(const std::string& pem);
/// A key with a passphrase does not count: nobody could type it.
[[nodiscard]] bool holdsPrivateKey(const std::string& pem);

}  // namespace barevip::kube
