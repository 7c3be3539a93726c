// SPDX-License-Identifier: Apache-2.0
// What a command prints, to be read while it runs.
#pragma once

#include <mutex>
#include <ostream>
#include <streambuf>
#include <string>

namespace barevip::cli::test {

class SharedOutput final : public std::ostream {
 public:
  SharedOutput() : std::ostream(nullptr) { rdbuf(&buffer_); }

  [[nodiscard]] std::string str() const { return buffer_.text(); }
  [[nodiscard]] bool has(const std::string& text) const {
    return str().find(text) != std::string::npos;
  }

 private:
  class Buffer final : public std::streambuf {
   public:
    [[nodiscard]] std::string text() const {
      const std::lock_guard lock(mutex_);
      return text_;
    }

   protected:
    int_type overflow(int_type c) override {
      const std::lock_guard lock(mutex_);
      if (c != traits_type::eof()) text_ += traits_type::to_char_type(c);
      return traits_type::not_eof(c);
    }
    std::streamsize xsputn(const char* begin, std::streamsize count) override {
      const std::lock_guard lock(mutex_);
      text_.append(begin, static_cast<std::size_t>(count));
      return count;
    }

   private:
    mutable std::mutex mutex_;
    std::string text_;
  };

  Buffer buffer_;
};

}  // namespace barevip::cli::test
