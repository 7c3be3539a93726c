// SPDX-License-Identifier: Apache-2.0
// Certificates made while the test runs.
#pragma once

#include <string>
#include <vector>

namespace barevip::wire {

/// Certificate and private key, both PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

/// A certificate authority with an EC key, valid for an hour.
class Authority {
 public:
  explicit Authority(const std::string& name);

  /// An intermediate authority that this one signed.
  [[nodiscard]] Authority subordinate(const std::string& name) const;

  [[nodiscard]] const std::string& certificate() const { return self_.certificate; }

  /// names as OpenSSL writes them: "IP:127.0.0.1", "DNS:kubernetes.default.svc".
  [[nodiscard]] Identity issue(const std::string& commonName,
                               const std::vector<std::string>& names) const;

 private:
  Authority() = default;

  Identity self_;
};

/// A file in a folder of its own that goes with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const std::string& content) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace barevip::wire
