// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/network_namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <system_error>

#include "common/base/system_error.h"

namespace barevip::host {

namespace {

Error namespaceError(const std::string& what, int number) {
  Error error = systemError(what, number);
  if (error.code == ErrorCode::kForbidden) error.message += " (CAP_SYS_ADMIN is needed for it)";
  return error;
}

/// The file that a namespace is mounted on, in a folder that is made where it is missing.
Result<void> makeMountPoint(const std::string& path) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444));
  if (!file.valid()) return tl::make_unexpected(namespaceError("cannot create " + path, errno));
  return {};
}

bool isSameFile(const std::string& one, const std::string& other) {
  std::error_code ignored;
  return std::filesystem::equivalent(one, other, ignored);
}

/// Runs in a thread that ends with the function: unshare and setns must not touch the caller.
Result<void> inPassingThread(const std::function<Result<void>()>& function) {
  Result<void> result;
  std::jthread thread([&] { result = function(); });
  thread.join();
  return result;
}

}  // namespace

bool isNamespace(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == NSFS_MAGIC;
}

Result<FileDescriptor> openNamespace(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) {
      return fail(ErrorCode::kNotFound,
                  "there is no network namespace " + path + ": run `barevip-node init` first",
                  ENOENT);
    }
    return tl::make_unexpected(namespaceError("cannot open " + path, errno));
  }
  struct statfs info {};
  if (::fstatfs(fd.get(), &info) != 0 || info.f_type != NSFS_MAGIC) {
    return fail(ErrorCode::kInvalid,
                path + " is a plain file, no network namespace: run `barevip-node init`, with " +
                    std::filesystem::path(path).parent_path().string() +
                    " mounted Bidirectional there and HostToContainer here");
  }
  return fd;
}

Result<Ensured> ensureNamespace(const std::string& path) {
  if (isNamespace(path)) return Ensured::kKept;
  if (auto ready = makeMountPoint(path); !ready) return tl::make_unexpected(ready.error());
  const auto made = inPassingThread([&]() -> Result<void> {
    if (::unshare(CLONE_NEWNET) != 0) {
      return tl::make_unexpected(namespaceError("cannot make a network namespace", errno));
    }
    if (::mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return tl::make_unexpected(namespaceError("cannot mount the namespace at " + path, errno));
    }
    return {};
  });
  if (!made) return tl::make_unexpected(made.error());
  return Ensured::kMade;
}

Result<Ensured> mountNamespaceAt(const std::string& path, const std::string& alias) {
  if (isNamespace(alias) && isSameFile(path, alias)) return Ensured::kKept;
  if (auto removed = removeNamespace(alias); !removed) {
    return tl::make_unexpected(removed.error());
  }
  if (auto ready = makeMountPoint(alias); !ready) return tl::make_unexpected(ready.error());
  if (::mount(path.c_str(), alias.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return tl::make_unexpected(namespaceError("cannot mount " + path + " at " + alias, errno));
  }
  return Ensured::kMade;
}

Result<void> removeNamespace(const std::string& path) {
  // Several may lie one upon the other if something mounted over ours.
  while (isNamespace(path)) {
    if (::umount2(path.c_str(), MNT_DETACH) != 0) {
      return tl::make_unexpected(namespaceError("cannot unmount " + path, errno));
    }
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::make_unexpected(namespaceError("cannot remove " + path, errno));
  }
  return {};
}

Result<std::unique_ptr<NamespaceThread>> NamespaceThread::start(
    const std::string& path, std::function<Result<void>()> entered) {
  auto fd = openNamespace(path);
  if (!fd) return tl::make_unexpected(fd.error());
  std::unique_ptr<NamespaceThread> self(new NamespaceThread());
  std::promise<Result<void>> ready;
  auto started = ready.get_future();
  self->thread_ = std::jthread([&, raw = self.get()](const std::stop_token& stop) {
    Result<void> result;
    if (::setns(fd->get(), CLONE_NEWNET) != 0) {
      result = tl::make_unexpected(namespaceError("cannot enter " + path, errno));
    } else if (entered) {
      result = entered();
    }
    const bool works = result.has_value();
    ready.set_value(std::move(result));  // nothing of start() may be touched after this
    if (works) raw->work(stop);
  });
  if (auto result = started.get(); !result) return tl::make_unexpected(result.error());
  return self;
}

NamespaceThread::~NamespaceThread() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void NamespaceThread::post(std::function<void()> function) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(function));
  }
  wake_.notify_one();
}

void NamespaceThread::work(const std::stop_token& stop) {
  while (true) {
    std::function<void()> function;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
      function = std::move(queue_.front());
      queue_.pop_front();
    }
    function();
  }
}

}  // namespace barevip::host
