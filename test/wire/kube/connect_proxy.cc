// SPDX-License-Identifier: Apache-2.0
#include "wire/kube/connect_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "wire/send_all.h"

namespace barevip::wire {
namespace {

constexpr int kPollMillis = 5;  // how soon a thread sees that the proxy stops

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

FileDescriptor makeSocket() {
  return FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Moves what is there; false at the end.
bool forward(int from, int to) {
  std::array<char, 16384> bytes;
  const ssize_t size = ::recv(from, bytes.data(), bytes.size(), 0);
  return size > 0 && sendAll(to, {bytes.data(), static_cast<std::size_t>(size)});
}

}  // namespace

ConnectProxy::ConnectProxy(std::uint16_t target, int status)
    : target_(target), status_(status), listener_(makeSocket()) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener_.get(), plain, size) == 0, "bind");
  check(::listen(listener_.get(), 64) == 0, "listen");
  check(::getsockname(listener_.get(), plain, &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this](const std::stop_token& stop) { acceptLoop(stop); });
}

ConnectProxy::~ConnectProxy() {
  acceptor_.request_stop();
  acceptor_.join();
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();
}

std::vector<std::string> ConnectProxy::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ConnectProxy::acceptLoop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd entry{listener_.get(), POLLIN, 0};
    if (::poll(&entry, 1, kPollMillis) <= 0) continue;
    auto client = std::make_shared<FileDescriptor>(::accept(listener_.get(), nullptr, nullptr));
    if (!client->valid()) continue;
    workers_.emplace_back(
        [this, client](const std::stop_token& stopped) { serve(*client, stopped); });
  }
}

void ConnectProxy::serve(const FileDescriptor& client, const std::stop_token& stop) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char byte = 0;
    if (::recv(client.get(), &byte, 1, 0) != 1) return;
    head += byte;
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(head);
  }
  if (!sendAll(client.get(), "HTTP/1.1 " + std::to_string(status_) + " Answer\r\n\r\n")) return;
  if (status_ != 200) return;
  const FileDescriptor server = makeSocket();
  const sockaddr_in address = loopback(target_);
  const auto* plain = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(server.get(), plain, sizeof address) != 0) return;
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> entries{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
    if (::poll(entries.data(), entries.size(), kPollMillis) <= 0) continue;
    if (entries[0].revents != 0 && !forward(client.get(), server.get())) return;
    if (entries[1].revents != 0 && !forward(server.get(), client.get())) return;
  }
}

}  // namespace barevip::wire
