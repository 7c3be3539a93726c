// SPDX-License-Identifier: Apache-2.0
// What a person has to know about a conversion, and where in the input it comes up.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace barevip::cli {

/// Where an object of the input stands.
struct Origin {
  std::string file;          ///< as it was named
  std::size_t document = 0;  ///< counted from 1
  std::size_t item = 0;      ///< of a list, counted from 1; 0: the document is not a list
  std::string object;        ///< kind, namespace and name; empty as long as they are not known

  [[nodiscard]] std::string toString() const;
};

/// Sentences for the person who converts, in the order in which they came up. Each begins with its
/// origin and is one line.
struct Report {
  std::vector<std::string> notes;   ///< has no equal here or changes its meaning; nobody loses
  std::vector<std::string> losses;  ///< the Pools serve fewer, or announce in fewer places
  std::vector<std::string> faults;  ///< is malformed, or no Pool can have it: nothing is converted

  void note(const Origin& origin, const std::string& sentence);
  void lose(const Origin& origin, const std::string& sentence);
  void fault(const Origin& origin, const std::string& sentence);
};

}  // namespace barevip::cli
