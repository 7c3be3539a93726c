// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <utility>

#include "common/base/deleter.h"
#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"

namespace barevip::cli {
class Archive::Writer {
 public:
  Writer(std::string file, WallTime made) : file_(std::move(file)), part_(file_ + ".part") {
    seconds_ = std::chrono::duration_cast<std::chrono::seconds>(made.time_since_epoch()).count();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    archive_.reset();  // it may write yet
    if (fd_.valid()) ::unlink(part_.c_str());
  }

  Result<void> open() {
    ::unlink(part_.c_str());  // of one that was killed
    fd_ = FileDescriptor(::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd_.valid()) return tl::make_unexpected(systemError("cannot write " + part_, errno));
    archive_.reset(archive_write_new());
    // ustar has no place for paths beyond 255 bytes; pax is ustar wherever that is enough.
    const bool opened = archive_ && archive_write_add_filter_gzip(archive_.get()) == ARCHIVE_OK &&
                        archive_write_set_format_pax_restricted(archive_.get()) == ARCHIVE_OK &&
                        archive_write_open_fd(archive_.get(), fd_.get()) == ARCHIVE_OK;
    return opened ? Result<void>() : failure();
  }

  Result<void> add(const std::string& path, const std::string& text) {
    const std::unique_ptr<archive_entry, Deleter<archive_entry_free>> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(text.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), seconds_, 0);
    if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) return failure();
    const la_ssize_t written = archive_write_data(archive_.get(), text.data(), text.size());
    if (written != static_cast<la_ssize_t>(text.size())) return failure();
    return {};
  }

  Result<void> finish() {
    if (archive_write_close(archive_.get()) != ARCHIVE_OK) return failure();
    if (std::rename(part_.c_str(), file_.c_str()) != 0) {
      return tl::make_unexpected(systemError("cannot write " + file_, errno));
    }
    fd_.reset();
    return {};
  }

 private:
  [[nodiscard]] tl::unexpected<Error> failure() const {
    const char* const why = archive_ ? archive_error_string(archive_.get()) : nullptr;
    return fail(ErrorCode::kInternal,
                "cannot write " + part_ + ": " + (why != nullptr ? why : "no memory is left"));
  }

  const std::string file_;
  const std::string part_;
  la_int64_t seconds_ = 0;
  FileDescriptor fd_;  ///< valid: the part is there
  std::unique_ptr<archive, Deleter<archive_write_free>> archive_;
};

Result<Archive> Archive::create(const std::string& file, WallTime made) {
  auto writer = std::make_unique<Writer>(file, made);
  if (auto opened = writer->open(); !opened) return tl::make_unexpected(opened.error());
  return Archive(std::move(writer));
}

Archive::Archive(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {}
Archive::Archive(Archive&& other) noexcept = default;
Archive& Archive::operator=(Archive&& other) noexcept = default;
Archive::~Archive() = default;

Result<void> Archive::add(const std::string& path, const std::string& text) {
  return writer_->add(path, text);
}

Result<void> Archive::finish() { return writer_->finish(); }

}  // namespace barevip::cli
